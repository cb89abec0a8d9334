"""The event that the function receives, as JSON bytes built once (with-msk, rules P1 to P10).

Records are serialised when they are polled, each alone, so that the size of a batch is known before it is built, and
building a batch, or building it again for a retry, is only joining bytes.
"""

from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import orjson

MAXIMUM_EVENT_BYTES = 6 * 1024 * 1024
_TAIL = b"}}"


class Record(NamedTuple):
    """One Kafka record: its offset, its timestamp in milliseconds, and itself as the JSON that the function sees."""

    offset: int
    timestamp: int
    body: bytes
    problem: str | None = None
    """Why the event cannot hold the record as it is: it is given up without an invocation."""


class Encoder:
    """Serialises the records of one partition."""

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
        """*timestamp_type* is CREATE_TIME or LOG_APPEND_TIME. A null key or value is left out (P8, P9)."""
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
    """What stands around the records: the source, and the partitions' names."""

    def __init__(self, topic: str, bootstrap: str, source_arn: str | None) -> None:
        start: dict[str, str] = {"eventSource": "aws:kafka" if source_arn else "SelfManagedKafka"}
        if source_arn:
            start["eventSourceArn"] = source_arn
        self.start = start | {"bootstrapServers": bootstrap}
        self.topic = topic
        self._head = orjson.dumps(self.start)[:-1] + b',"records":{'

    def event(self, shares: Mapping[int, Iterable[Record]]) -> bytes:
        """The event for these records by partition number, each partition's in offset order."""
        lists = [
            b'"%b":[%b]' % (self.label(number).encode(), b",".join([record.body for record in records]))
            for number, records in shares.items()
        ]
        return self._head + b",".join(lists) + _TAIL

    def label(self, partition: int) -> str:
        """A partition's key in `records` and in a partial batch response: `<topic>-<partition>` (P4)."""
        return f"{self.topic}-{partition}"

    @property
    def base_size(self) -> int:
        """Bytes of an event beyond its partitions and records, one comma too many per partition taken off."""
        return len(self._head) + len(_TAIL) - 1

    def partition_size(self, partition: int) -> int:
        """Bytes that a partition adds to an event beyond its records' `record_size`."""
        return len(self.label(partition)) + len(b'"":[]')


def record_size(record: Record) -> int:
    """Bytes that a record adds to an event: itself and a comma."""
    return len(record.body) + 1


def _signed(content: bytes | None) -> list[int]:
    """P10: a header's bytes as numbers from -128 to 127."""
    return memoryview(content).cast("b").tolist() if content else []
