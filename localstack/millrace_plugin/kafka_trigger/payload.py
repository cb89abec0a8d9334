"""Serialise the event that the function receives (with-msk, P1 to P10).

Each record is serialised once, when it is polled. So the size of a batch is known before it is built, and building it,
also for a retry, only joins bytes.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

MAXIMUM_EVENT_BYTES = 6 * 1024 * 1024
_TAIL = b"}}"


class Record(NamedTuple):
    """One Kafka record."""

    offset: int
    timestamp: int
    """In milliseconds since 1970; -1 means none."""
    body: bytes
    """The record in the event, as JSON."""
    problem: str | None = None
    """Why the event cannot hold the record. Such a record is given up without an invocation."""


class Encoder:
    """Serialise the records of one partition."""

    def __init__(self, topic: str, partition: int) -> None:
        self._where = {"topic": topic, "partition": partition}

    def record(  # noqa: PLR0913, PLR0917 - the six parts of a Kafka record
        self,
        offset: int,
        timestamp: int,
        timestamp_type: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]] | None,
    ) -> Record:
        """Serialise a record. A null key or value is left out (P8, P9).

        timestamp: in milliseconds since 1970.
        timestamp_type: CREATE_TIME or LOG_APPEND_TIME.
        """
        document: dict[str, object] = {
            **self._where,
            "offset": offset,
            "timestamp": timestamp,
            "timestampType": timestamp_type,
        }
        if key is not None:
            document["key"] = b2a_base64(key, newline=False).decode()
        if value is not None:
            document["value"] = b2a_base64(value, newline=False).decode()
        document["headers"] = [{name: _signed(content)} for name, content in headers] if headers else []
        return Record(offset, timestamp, orjson.dumps(document))


class Envelope:
    """Build events: the source and the partitions around the records."""

    def __init__(self, topic: str, bootstrap: str, source_arn: str | None) -> None:
        start: dict[str, str] = {"eventSource": "aws:kafka" if source_arn else "SelfManagedKafka"}
        if source_arn:
            start["eventSourceArn"] = source_arn
        self.start = start | {"bootstrapServers": bootstrap}
        self.topic = topic
        self._head = orjson.dumps(self.start)[:-1] + b',"records":{'

    def event(self, shares: Mapping[int, Iterable[Record]]) -> bytes:
        """Return the event as JSON.

        shares: the records by partition number, those of each partition in offset order.
        """
        lists = [
            b'"%b":[%b]' % (self.label(number).encode(), b",".join([record.body for record in records]))
            for number, records in shares.items()
        ]
        return self._head + b",".join(lists) + _TAIL

    def label(self, partition: int) -> str:
        """Return a partition's key in `records` and in a partial batch response: `<topic>-<partition>` (P4)."""
        return f"{self.topic}-{partition}"

    @property
    def base_size(self) -> int:
        """Bytes of an event besides `partition_size` and `record_size`, which count a comma too many per event."""
        return len(self._head) + len(_TAIL) - 1

    def partition_size(self, partition: int) -> int:
        """Return the bytes that a partition adds to an event besides its records' `record_size`."""
        return len(self.label(partition)) + len(b'"":[]')


def record_size(record: Record) -> int:
    """Return the bytes that a record adds to an event: its body and a comma."""
    return len(record.body) + 1


def _signed(content: bytes | None) -> list[int]:
    """Return a header's bytes as numbers from -128 to 127 (P10)."""
    return memoryview(content).cast("b").tolist() if content else []
