"""Bound how much is read ahead of the function.

A partition with too large a backlog is first waited for, because pausing it makes librdkafka discard what it has
prefetched, and resuming takes up to a second. It is paused when waiting would delay the others (C7): at once if its
first records are retried, otherwise after PAUSE_AFTER_SECONDS.
"""

from collections.abc import Mapping
from typing import NamedTuple

MAXIMUM_RECORDS = 10_000
MAXIMUM_BATCHES = 3
MAXIMUM_BYTES = 16 * 1024 * 1024  # of JSON: more than two of the largest events
PAUSE_AFTER_SECONDS = 2.0


class Backlog(NamedTuple):
    """The waiting records of a partition."""

    records: int
    """How many there are."""
    size: int
    """Their bytes as JSON."""
    stuck: bool
    """Whether the records before them are retried."""


class Decision(NamedTuple):
    """What to do with the owned partitions."""

    wait: bool
    """Do not poll now: a partition that is full will soon have room."""
    pause: set[int]
    """Numbers of the partitions to pause."""
    resume: set[int]
    """Numbers of the partitions to resume."""


class Backpressure:
    def __init__(self, batch_size: int) -> None:
        self._most = max(MAXIMUM_RECORDS, MAXIMUM_BATCHES * batch_size)
        self._full_since: dict[int, float] = {}
        self._paused: set[int] = set()

    def decide(self, backlogs: Mapping[int, Backlog], now: float) -> Decision:
        """Decide whether to poll, and which partitions to pause and resume. The caller must follow the decision.

        backlogs: the backlogs of all owned partitions, by number.
        now: in seconds, in one clock for all calls.
        """
        full = {
            number: each for number, each in backlogs.items() if each.records > self._most or each.size > MAXIMUM_BYTES
        }
        self._full_since = {number: self._full_since.get(number, now) for number in full}
        tired = {number for number, since in self._full_since.items() if full[number].stuck or _is_long(since, now)}
        roomy = {
            number
            for number, each in backlogs.items()
            if each.records * 2 < self._most and each.size * 2 < MAXIMUM_BYTES
        }
        pause, resume = tired - self._paused, self._paused & roomy
        self._paused = ((self._paused | pause) - resume) & backlogs.keys()
        return Decision(bool(full.keys() - self._paused), pause, resume)


def _is_long(since: float, now: float) -> bool:
    return now - since > PAUSE_AFTER_SECONDS
