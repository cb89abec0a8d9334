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
    """`request` may come from any thread, all else from the one that polls; `on_commit` is the consumer's `on_commit`."""

    def __init__(self, topic: str, counters: Counters) -> None:
        self._topic = topic
        self._counters = counters
        self._lock = Lock()
        self._requested: dict[int, int] = {}
        self._in_flight: dict[int, int] = {}
        self._committed: dict[int, int] = {}
        self._owned: set[int] = set()
        self._metadata = ""
        self._recommitted = False
        self._failures = 0
        self._not_before = 0.0
        self._consumer: Consumer | None = None

    def use(self, consumer: Consumer | None, metadata: str = "") -> None:
        """Commit through *consumer*, with *metadata*; drop what an earlier one has not committed."""
        with self._lock:
            self._consumer, self._metadata = consumer, metadata
            self._requested, self._in_flight, self._committed, self._owned = {}, {}, {}, set()
            self._failures, self._not_before, self._recommitted = 0, 0.0, False

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
                self._requested[partition] = offset

    def recommit(self) -> None:
        """Commit once more what was committed first: Kafka deletes a topic's offsets some time after the topic."""
        with self._lock:
            if not self._recommitted and self._committed:
                self._recommitted = True
                self._requested = self._committed | self._requested

    def send(self) -> None:
        """Commit what is noted, if nothing is under way, and what failed, if it is time."""
        with self._lock:
            self._send()

    def disown(self) -> None:
        """Commit nothing more for what was ours."""
        with self._lock:
            self._requested, self._committed, self._owned = {}, {}, set()

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        failed = error or next((each.error for each in partitions if each.error), None)
        with self._lock:
            sent, self._in_flight = self._in_flight, {}
            if failed:
                self._fail(failed)
                return
            self._failures = 0
            for partition, offset in sent.items():
                if partition in self._owned:
                    self._committed[partition] = offset
                if self._requested.get(partition) == offset:
                    del self._requested[partition]
            self._send()

    def flush(self) -> None:
        """Commit what is wanted and wait for it; what fails now is delivered again by the next owner (C4)."""
        with self._lock:
            if self._consumer and self._requested:
                try:
                    self._consumer.commit(offsets=self._offsets(), asynchronous=False)
                    self._requested = {}
                except KafkaException as error:
                    self._fail(error.args[0])

    def _send(self) -> None:
        if not self._consumer or self._in_flight or not self._requested or monotonic() < self._not_before:
            return
        self._in_flight = dict(self._requested)
        try:
            self._consumer.commit(offsets=self._offsets(), asynchronous=True)
        except KafkaException as error:
            self._in_flight = {}
            self._fail(error.args[0])

    def _offsets(self) -> list[TopicPartition]:
        return [
            TopicPartition(self._topic, partition, offset, self._metadata)
            for partition, offset in self._requested.items()
        ]

    def _fail(self, error: KafkaError) -> None:
        self._failures += 1
        self._counters.CommitErrorCount += 1
        self._not_before = monotonic() + backoff.delay(self._failures)
        LOG.warning("Offsets of %s could not be committed and will be again: %s", self._topic, error)
