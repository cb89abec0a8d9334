"""How long an inbox has to remember an event: for as long as the event can come back.

A record stays on its topic for the topic's retention, and up to one segment's time longer, since Kafka deletes whole
segments. What is published again (a dead letter, a replayed event) has a certain age already, and stays as long again.
Whoever forgets an event before that applies it twice.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple


class TopicRetention(NamedTuple):
    """How long a topic keeps its records.

    *retention*: Kafka's `retention.ms`. None if the topic keeps its records for ever.
    *segment*: Kafka's `segment.ms`. The newest record of a segment keeps all of its records.
    """

    topic: str
    retention: timedelta | None
    segment: timedelta = timedelta(days=7)

    @property
    def longest_stay(self) -> timedelta | None:
        """The longest time for which a record can be read. None if there is no limit."""
        return None if self.retention is None else self.retention + self.segment


class RetentionProblem(NamedTuple):
    """A topic from which an event can come back after the inbox has forgotten it.

    *needed*: the inbox's retention must be longer than this. None if no retention suffices.
    """

    topic: str
    needed: timedelta | None
    inbox: timedelta

    def __str__(self) -> str:
        if self.needed is None:
            return (
                f"{self.topic} keeps its records for ever, and the inbox forgets them after {_days(self.inbox)} days: "
                "a consumer that reads from the beginning would apply them twice. Give the topic a retention."
            )
        return (
            f"An event of {self.topic} can come back for {_days(self.needed)} days, and the inbox forgets it after "
            f"{_days(self.inbox)}: it would be applied twice. Raise INBOX_RETENTION_DAYS above {_days(self.needed)}, "
            "or lower the topic's retention.ms or LONGEST_REDRIVE_AGE_DAYS."
        )


def outlasts(inbox: timedelta, topic: TopicRetention, age: timedelta) -> bool:
    """Return whether an inbox of retention *inbox* still knows an event when its last record is gone.

    *topic*: where the event is published again.
    *age*: how old the event is then.
    """
    return topic.longest_stay is not None and topic.longest_stay + age < inbox


def problems(
    topics: Iterable[TopicRetention], inbox: timedelta, longest_redrive_age: timedelta
) -> list[RetentionProblem]:
    """Return a problem for each topic whose records can come back after the inbox has forgotten them."""
    return [
        RetentionProblem(
            each.topic, None if each.longest_stay is None else each.longest_stay + longest_redrive_age, inbox
        )
        for each in topics
        if not outlasts(inbox, each, longest_redrive_age)
    ]


def _days(period: timedelta) -> str:
    return f"{period / timedelta(days=1):g}"
