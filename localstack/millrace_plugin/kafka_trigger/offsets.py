"""How far a mapping is behind its topic, partition by partition, as the brokers and the mapping itself see it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import KafkaException

from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.source_topic import SourceTopic


class Position(NamedTuple):
    """Where the mapping is in a partition that it owns."""

    read_to: int
    """The offset to be read next."""
    settled_to: int
    """The offset before which everything is settled."""


@dataclass(frozen=True)
class PartitionOffsets:
    number: int
    end: int
    """The offset after the last record."""
    committed: int | None
    """The offset that the group goes on at; None if it has committed none."""
    earliest: int
    """The offset of the first record that is left."""

    @property
    def lag(self) -> int:
        """Records that the group has not committed."""
        start = self.earliest if self.committed is None else max(self.committed, self.earliest)
        return max(0, self.end - start)


def read_offsets(settings: Settings) -> tuple[PartitionOffsets, ...]:
    """Ask the brokers for the offsets of all partitions; empty if they do not answer or there is no topic.

    The connection is closed again, as a minute passes until it is needed next.
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
    """Return the records of the whole topic that the group has not committed."""
    return sum(each.lag for each in offsets)
