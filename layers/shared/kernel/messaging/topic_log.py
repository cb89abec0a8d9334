"""Reading the log of any topic by its offsets, without a consumer group: nobody's position changes.

Records of aborted transactions are left out, and a log ends before the first open transaction.
"""

import contextlib
import time
from collections.abc import Iterator, Mapping
from typing import Any, Self

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import (
    KafkaError,
    LogTruncationError,
    OffsetOutOfRangeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    UnsupportedCodecError,
)

from kernel.errors import ConflictError, ForbiddenError, NotFoundError, UnavailableError, UnprocessableError
from kernel.messaging import brokers
from kernel.messaging.log_record import LogRecord

# Every wait is bounded, so that a function ends before Lambda ends it (`kernel.messaging.kafka`).
OPTIONS: Mapping[str, Any] = {
    "group_id": None,
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    "allow_auto_create_topics": False,
    "isolation_level": "read_committed",
    "bootstrap_timeout_ms": 5_000,
    "request_timeout_ms": 5_000,
    "connections_max_idle_ms": 60_000,
    "reconnect_backoff_max_ms": 1_000,
    "fetch_max_wait_ms": 100,
    "max_poll_records": 2_000,
}
ANSWER_MS = 5_000
POLL_MS = 1_000
# A broker that restarts or hands a partition over is back before.
PATIENCE_SECONDS = 15
FETCH_BYTES = 4_000_000


class OffsetsGoneError(ConflictError):
    """The topic has deleted the first of the offsets that were asked for."""


class TopicLog:
    """A connection that reads topics. Only one `read` or `read_all` at a time gives records.

    Every method raises UnavailableError when no broker answers, NotFoundError for a topic or a partition that is
    absent, and ForbiddenError for one that may not be read.
    """

    def __init__(self, *, fetch_bytes: int = FETCH_BYTES, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Connect to a broker.

        *fetch_bytes*: the broker sends about so many bytes at once. A larger record is sent alone.
        *patience_seconds*: how long a read waits for its next record.
        """
        self._patience = patience_seconds
        self._current: object = None
        with _errors_named():
            sizes = {"fetch_max_bytes": fetch_bytes, "max_partition_fetch_bytes": fetch_bytes}
            self._consumer = KafkaConsumer(**(dict(OPTIONS) | sizes | brokers.access()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._consumer.close(autocommit=False, timeout_ms=ANSWER_MS)

    def topics(self) -> list[str]:
        """Return the names of all topics that may be seen, Kafka's own excepted."""
        with _errors_named():
            return sorted(self._consumer.topics())

    def partitions(self, topic: str) -> list[int]:
        """Return the numbers of the topic's partitions."""
        with _errors_named(topic):
            found = sorted(self._consumer.partitions_for_topic(topic))
        if not found:
            message = f"There is no topic {topic}, or this function has no right to see it."
            raise NotFoundError(message)
        return found

    def identity(self, topic: str) -> str | None:
        """Return the id that Kafka gave the topic, or None from brokers older than Kafka 2.8.

        A topic that is deleted and created again has another one.
        """
        self.partitions(topic)
        found = self._consumer._cluster.topic_id(topic)  # noqa: SLF001 - kafka-python has no public way
        return str(found) if found and found.int else None

    def ranges(self, topic: str) -> dict[int, range]:
        """Return for each partition the offsets from the first available one to the end of the log."""
        places = [TopicPartition(topic, number) for number in self.partitions(topic)]
        with _errors_named(topic):
            first = self._consumer.beginning_offsets(places, timeout_ms=ANSWER_MS)
            end = self._consumer.end_offsets(places, timeout_ms=ANSWER_MS)
        # Records may have been deleted between the two answers.
        return {place.partition: range(first[place], max(end[place], first[place])) for place in places}

    def offset_at(self, topic: str, timestamp: int) -> dict[int, int]:
        """Return for each partition the first offset with *timestamp* (milliseconds) or a later one, or its end."""
        ranges = self.ranges(topic)
        asked = {TopicPartition(topic, number): max(timestamp, 0) for number in ranges}
        with _errors_named(topic):
            found = self._consumer.offsets_for_times(asked, timeout_ms=ANSWER_MS)
        answers = {place.partition: answer for place, answer in found.items() if answer is not None}
        return {
            number: answers[number].offset if number in answers and answers[number].offset >= 0 else offsets.stop
            for number, offsets in ranges.items()
        }

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        """Yield the records from offset *start* to before *end*, in order. Offsets without a record are left out.

        Raises OffsetsGoneError if *start* is below the first available offset, ConflictError if *end* is above the end
        of the log.
        """
        return self.read_all(topic, {partition: range(start, end)})

    def read_all(self, topic: str, wanted: Mapping[int, range]) -> Iterator[LogRecord]:
        """Yield the records of several partitions, each partition's in order, as `read` does."""
        self._check(topic, wanted)
        left = {TopicPartition(topic, number): offsets.stop for number, offsets in wanted.items() if offsets}
        self._seek({place: wanted[place.partition].start for place in left})
        token = self._current = object()
        waited_since, before = time.monotonic(), dict[TopicPartition, int]()
        while left:
            polled, positions = self._poll(topic, list(left), wanted)
            for place, records in polled.items():
                for record in _records(records, left[place]):
                    yield record
                    if self._current is not token:
                        message = "Another read has begun on this connection. Finish one before the next."
                        raise RuntimeError(message)
            finished = [place for place, end in left.items() if positions[place] >= end]
            self._consumer.pause(*finished)
            left = {place: end for place, end in left.items() if place not in finished}
            if positions != before:
                waited_since, before = time.monotonic(), positions
            elif time.monotonic() - waited_since > self._patience:
                offsets = ", ".join(f"{place.partition}: {position}" for place, position in positions.items())
                message = f"Kafka: nothing of {topic} came for {self._patience} s, by partition from offset {offsets}."
                raise UnavailableError(message)

    def _seek(self, positions: Mapping[TopicPartition, int]) -> None:
        self._consumer.assign(list(positions))
        self._consumer.resume(*positions)
        for place, offset in positions.items():
            self._consumer.seek(place, offset)

    def _poll(
        self, topic: str, places: list[TopicPartition], wanted: Mapping[int, range]
    ) -> tuple[dict[TopicPartition, list[Any]], dict[TopicPartition, int]]:
        """Return the next records of each partition, and the offset from which it goes on."""
        with _errors_named(topic):
            try:
                polled = self._consumer.poll(timeout_ms=POLL_MS)
                return polled, {place: self._consumer.position(place, timeout_ms=ANSWER_MS) for place in places}
            except OffsetOutOfRangeError:
                self._check(topic, wanted)
                raise

    def _check(self, topic: str, wanted: Mapping[int, range]) -> None:
        available = self.ranges(topic)
        for number, offsets in wanted.items():
            if number not in available:
                message = f"{topic} has no partition {number}. It has {len(available)}, from 0."
                raise NotFoundError(message)
            first, end = available[number].start, available[number].stop
            if offsets and offsets.start < first:
                message = (
                    f"{topic}, partition {number}: offset {offsets.start} is no longer there, "
                    f"the first available one is {first}."
                )
                raise OffsetsGoneError(message)
            if offsets and offsets.stop > end:
                message = (
                    f"{topic}, partition {number}: the log ends before offset {end}, {offsets.stop - 1} was asked for."
                )
                raise ConflictError(message)


def _records(records: list[Any], end: int) -> Iterator[LogRecord]:
    for each in records:
        if each.offset >= end:
            return
        yield LogRecord(each.topic, each.partition, each.offset, each.timestamp, each.key, each.value, each.headers)


@contextlib.contextmanager
def _errors_named(topic: str = "") -> Iterator[None]:
    """Raise kafka-python's errors as the kernel's."""
    try:
        yield
    except UnknownTopicOrPartitionError as error:
        message = f"{topic} was deleted while it was read."
        raise NotFoundError(message) from error
    except TopicAuthorizationFailedError as error:
        message = f"This function has no right to read {topic}: kafka-cluster:DescribeTopic and ReadData."
        raise ForbiddenError(message) from error
    except LogTruncationError as error:
        message = f"A broker lost records of {topic} that had been read: {error}"
        raise ConflictError(message) from error
    except (UnsupportedCodecError, UnicodeDecodeError) as error:
        message = f"A record of {topic} cannot be read: {error}"
        raise UnprocessableError(message) from error
    except KafkaError as error:
        message = f"Kafka: {error!r}"
        raise UnavailableError(message) from error
