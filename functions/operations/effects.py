"""What became of the records that a task published: who has read them, and how many of them failed again.

A record that failed is a dead letter that carries the task's id. Dead letters go through their domain's outbox, so what
is still in there counts as unknown.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from kernel.messaging import groups
from kernel.messaging.topic_log import TopicLog
from kernel.storage import database
from operations.consumers import Consumer

type Ends = dict[str, dict[int, int]]


class Observation(msgspec.Struct):
    """How far dead letters were read, and what was found: kept in the task's checkpoint.

    *read*: the next offset, by dead-letter topic and partition.
    *failures*: how many of the task's records are dead letters.
    """

    read: Ends
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Effects:
    """Watch the consumers that a task's records are for.

    *header*: in which their dead letters carry the task's id.
    """

    log: TopicLog
    consumers: Sequence[Consumer]
    header: str
    task_id: str

    def begin(self) -> Observation:
        """Return an observation that begins now: earlier dead letters are not the task's."""
        return Observation(ends(self.log, (each.dead_letter_topic for each in self.consumers)))

    def observe(self, seen: Observation) -> None:
        """Read the dead letters that have come since, and count those of the task in *seen*."""
        wanted = self.task_id.encode()
        for topic, positions in seen.read.items():
            new = unread(self.log, topic, positions)
            for record in self.log.read_all(topic, new):
                seen.failures += (self.header, wanted) in record.headers
            seen.read[topic] = {number: offsets.stop for number, offsets in new.items()}

    def are_complete(self, published: Ends) -> bool:
        """Return whether all that was published is applied, or a dead letter on its topic.

        *published*: the ends of the topics after it, as `ends` gave them.
        """
        committed = groups.committed(each.group for each in self.consumers)
        has_read = all(
            committed[each.group].get((each.topic, number), 0) >= end
            for each in self.consumers
            for number, end in published.get(each.topic, {}).items()
            if end
        )
        return has_read and not any(map(_waits, self.consumers))


def ends(log: TopicLog, topics: Iterable[str]) -> Ends:
    """Return the ends of the topics' partitions."""
    return {topic: {number: offsets.stop for number, offsets in log.ranges(topic).items()} for topic in topics}


def unread(log: TopicLog, topic: str, positions: Mapping[int, int]) -> dict[int, range]:
    """Return what is on the topic from *positions* on, by partition."""
    return {
        number: range(max(positions.get(number, 0), offsets.start), offsets.stop)
        for number, offsets in log.ranges(topic).items()
    }


def _waits(consumer: Consumer) -> bool:
    """Return whether a dead letter of the consumer is not yet published."""
    with database.transaction(consumer.domain, "ro") as connection:
        found: Any = connection.execute(
            """
            SELECT FROM outbox WHERE topic = %s AND published_at IS NULL AND parked_at IS NULL LIMIT 1
            """,
            (consumer.dead_letter_topic,),
        )
    return bool(found.rowcount)
