"""Build records for tests of rules, without a broker."""

from collections.abc import Iterable

from millrace_plugin.kafka_trigger.partition import Partition, Polled
from millrace_plugin.kafka_trigger.payload import Record
from millrace_plugin.kafka_trigger.settings import Settings

SETTINGS = Settings("uuid", "arn:aws:lambda:us-east-1:000000000000:function:f", "t", "g", "b:9092", None)


def records(*offsets: int, timestamp: int = 0, size: int = 2) -> list[Record]:
    return [Record(offset, timestamp, b"x" * size) for offset in offsets]


def polled(found: Iterable[Record]) -> Polled:
    """Return the result of a poll that read these records."""
    kept = list(found)
    return Polled(kept, filtered=0, end=kept[-1].offset + 1)


def filled(number: int, found: Iterable[Record], since: float = 0.0) -> Partition:
    """Return a partition in which these records wait."""
    kept = list(found)
    partition = Partition(number, committed=kept[0].offset, read_to=kept[0].offset)
    partition.add(polled(kept), since)
    return partition
