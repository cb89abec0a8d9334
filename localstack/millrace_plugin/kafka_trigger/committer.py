"""Commit settled offsets asynchronously, one request at a time, with retries until it succeeds (C5, C11)."""

import logging
from collections.abc import Collection
from threading import Lock
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from millrace_plugin.kafka_trigger import backoff
from millrace_plugin.kafka_trigger.counters import Counters

LOG = logging.getLogger(__name__)


class Committer:
    """Commit the offsets that are requested.

    Any thread may call `request`. Everything else is called by the thread that polls; `on_commit` is the consumer's
    callback.
    """

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
        """Commit through *consumer* from now on, and drop what the previous one has not committed.

        consumer: None commits nothing.
        metadata: what each commit carries.
        """
        with self._lock:
            self._consumer, self._metadata = consumer, metadata
            self._requested, self._in_flight, self._committed, self._owned = {}, {}, {}, set()
            self._failures, self._not_before, self._recommitted = 0, 0.0, False

    def own(self, partitions: Collection[int]) -> None:
        """Accept requests for *partitions* until `disown`."""
        with self._lock:
            self._owned.update(partitions)

    def request(self, partition: int, offset: int) -> None:
        """Request a commit. It is ignored for a partition that is not owned.

        Only the polling thread may call the consumer. While a poll is in its rebalance callback, the consumer blocks
        every other thread, and the callback waits for those threads.
        """
        with self._lock:
            if partition in self._owned:
                self._requested[partition] = offset

    def recommit(self) -> None:
        """Repeat the first commit once, because Kafka deletes a topic's committed offsets some time after the topic."""
        with self._lock:
            if not self._recommitted and self._committed:
                self._recommitted = True
                self._requested = self._committed | self._requested

    def send(self) -> None:
        """Send the requested commits, unless one is in flight or the back-off has not passed."""
        with self._lock:
            self._send()

    def disown(self) -> None:
        """Drop all requests and own no partition any more."""
        with self._lock:
            self._requested, self._committed, self._owned = {}, {}, set()

    def on_commit(self, error: KafkaError | None, partitions: list[TopicPartition]) -> None:
        """Handle the broker's answer to a commit."""
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
        """Commit what is requested and wait for it. If that fails, the next owner delivers the records again (C4)."""
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
