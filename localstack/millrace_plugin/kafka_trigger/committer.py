"""Commits settled offsets: asynchronously, one request at a time, retried until it succeeds (C5, C11)."""

import logging
from collections.abc import Collection
from threading import Lock
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from millrace_plugin.kafka_trigger import backoff
from millrace_plugin.kafka_trigger.counters import Counters

LOG = logging.getLogger(__name__)


class Committer:
    """`request` may come from any thread, all else from the one that polls; `committed` is the consumer's `on_commit`."""

    def __init__(self, topic: str, counters: Counters) -> None:
        self._topic = topic
        self._counters = counters
        self._lock = Lock()
        self._wanted: dict[int, int] = {}
        self._asked: dict[int, int] = {}
        self._done: dict[int, int] = {}
        self._owned: set[int] = set()
        self._metadata = ""
        self._repeated = False
        self._failures = 0
        self._not_before = 0.0
        self._consumer: Consumer | None = None

    def use(self, consumer: Consumer | None, metadata: str = "") -> None:
        """Commit through *consumer*, with *metadata*; drop what an earlier one has not committed."""
        with self._lock:
            self._consumer, self._metadata = consumer, metadata
            self._wanted, self._asked, self._done, self._owned = {}, {}, {}, set()
            self._failures, self._not_before, self._repeated = 0, 0.0, False

    def own(self, partitions: Collection[int]) -> None:
        """Take commits of *partitions* until `disown`."""
        with self._lock:
            self._owned.update(partitions)

    def request(self, partition: int, offset: int) -> None:
        """Note what is to be committed; ignore it for a partition that is somebody else's.

        Only the polling thread may ask the consumer for it. While a poll is in its rebalance callback, the consumer
        makes every other thread wait, and the callback waits for those threads.
        """
        with self._lock:
            if partition in self._owned:
                self._wanted[partition] = offset

    def repeat(self) -> None:
        """Commit once more what was committed first: Kafka deletes a topic's offsets some time after the topic."""
        with self._lock:
            if not self._repeated and self._done:
                self._repeated = True
                self._wanted = self._done | self._wanted

    def send(self) -> None:
        """Commit what is noted, if nothing is under way, and what failed, if it is time."""
        with self._lock:
            self._send()

    def disown(self) -> None:
        """Commit nothing more for what was ours."""
        with self._lock:
            self._wanted, self._done, self._owned = {}, {}, set()

    def committed(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        failed = error or next((each.error for each in partitions if each.error), None)
        with self._lock:
            asked, self._asked = self._asked, {}
            if failed:
                self._fail(failed)
                return
            self._failures = 0
            for partition, offset in asked.items():
                if partition in self._owned:
                    self._done[partition] = offset
                if self._wanted.get(partition) == offset:
                    del self._wanted[partition]
            self._send()

    def flush(self) -> None:
        """Commit what is wanted and wait for it; what fails now is delivered again by the next owner (C4)."""
        with self._lock:
            if self._consumer and self._wanted:
                try:
                    self._consumer.commit(offsets=self._offsets(), asynchronous=False)
                    self._wanted = {}
                except KafkaException as error:
                    self._fail(error.args[0])

    def _send(self) -> None:
        if not self._consumer or self._asked or not self._wanted or monotonic() < self._not_before:
            return
        self._asked = dict(self._wanted)
        try:
            self._consumer.commit(offsets=self._offsets(), asynchronous=True)
        except KafkaException as error:
            self._asked = {}
            self._fail(error.args[0])

    def _offsets(self) -> list[TopicPartition]:
        return [
            TopicPartition(self._topic, partition, offset, self._metadata) for partition, offset in self._wanted.items()
        ]

    def _fail(self, error: KafkaError) -> None:
        self._failures += 1
        self._counters.CommitErrorCount += 1
        self._not_before = monotonic() + backoff.delay(self._failures)
        LOG.warning("Offsets of %s could not be committed and will be again: %s", self._topic, error)
