"""Read a mapping's offsets and lag, partition by partition."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import KafkaException

from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.source_topic import SourceTopic


class Position(NamedTuple):
    """The mapping's position in a partition that it owns."""

    read_to: int
    """The next offset to read."""
    settled_to: int
    """The offset before which everything is settled."""


@dataclass(frozen=True)
class PartitionOffsets:
    number: int
    end: int
    """The offset after the last record."""
    committed: int | None
    """The offset that the group continues at. None if it has committed none."""
    earliest: int
    """The offset of the first record that is still there."""

    @property
    def lag(self) -> int:
        """How many records the group has not committed."""
        start = self.earliest if self.committed is None else max(self.committed, self.earliest)
        return max(0, self.end - start)


def read_offsets(settings: Settings) -> tuple[PartitionOffsets, ...]:
    """Return the offsets of all partitions. Empty if the brokers do not answer or the topic does not exist.

    Its connection is closed afterwards, because the next call comes a minute later.
    """
    topic = SourceTopic(settings.bootstrap, settings.topic, f"{settings.uuid}-offsets")
    try:
        numbers = topic.state().partitions
        ends, earliest = topic.ends(numbers), topic.earliest(numbers)
        committed = topic.committed(settings.group, numbers)
    except (KafkaException, TimeoutError):
        return ()
    return tuple(
        PartitionOffsets(number, ends[number], committed.get(number), earliest[number]) for number in sorted(numbers)
    )


def total_lag(offsets: Iterable[PartitionOffsets]) -> int:
    """Return how many records of the whole topic the group has not committed."""
    return sum(each.lag for each in offsets)
