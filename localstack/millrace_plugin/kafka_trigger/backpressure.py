"""How much is read ahead of the function: enough to keep it busy, never without bound.

A partition that holds back too much is best waited for: pausing it makes librdkafka throw away what it has prefetched,
and resuming takes it up to a second. So it is paused only when waiting would hold up the others (C7): at once if it is
stuck, otherwise when it has been too full for a while.
"""

from collections.abc import Mapping
from typing import NamedTuple

MAXIMUM_RECORDS = 10_000
MAXIMUM_BATCHES = 3
MAXIMUM_BYTES = 16 * 1024 * 1024  # of JSON: more than two events of the largest size
PAUSE_AFTER_SECONDS = 2.0


class Backlog(NamedTuple):
    """What a partition holds back: records waiting, their bytes as JSON, and whether its head has to be retried."""

    records: int
    size: int
    stuck: bool


class Decision(NamedTuple):
    wait: bool
    """Do not poll now: something that is too full will soon have room."""
    pause: set[int]
    resume: set[int]


class Backpressure:
    def __init__(self, batch_size: int) -> None:
        self._most = max(MAXIMUM_RECORDS, MAXIMUM_BATCHES * batch_size)
        self._full_since: dict[int, float] = {}
        self._paused: set[int] = set()

    def decide(self, held: Mapping[int, Backlog], now: float) -> Decision:
        """What to do about the partitions we own; assumes that the decision is followed."""
        full = {number: each for number, each in held.items() if each.records > self._most or each.size > MAXIMUM_BYTES}
        self._full_since = {number: self._full_since.get(number, now) for number in full}
        tired = {number for number, since in self._full_since.items() if full[number].stuck or _is_long(since, now)}
        roomy = {
            number for number, each in held.items() if each.records * 2 < self._most and each.size * 2 < MAXIMUM_BYTES
        }
        pause, resume = tired - self._paused, self._paused & roomy
        self._paused = ((self._paused | pause) - resume) & held.keys()
        return Decision(bool(full.keys() - self._paused), pause, resume)


def _is_long(since: float, now: float) -> bool:
    return now - since > PAUSE_AFTER_SECONDS
