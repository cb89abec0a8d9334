"""Search several partitions together by the time of their records, oldest or newest first, in parts that can be resumed."""

import heapq
from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from kernel.messaging.log_record import LogRecord

# Offsets that are read at once: a fraction of a second's worth.
CHUNK = 2_000

type Place = tuple[str, int]
type Left = dict[str, list[int]]


class Log(Protocol):
    """What can be searched: the topics (`TopicLog`), or their archive."""

    def topics(self) -> list[str]:
        """Return the names of the topics that there are."""
        ...

    def ranges(self, topic: str) -> dict[int, range]:
        """Return the offsets that can be read, by partition."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        """Yield the records from offset *start* to before *end*, in order."""
        ...


class Search:
    """The search of *wanted* for records that *has* takes.

    Records of a partition come in the order of their offsets, or against it. Those of different partitions are merged by
    their timestamps.
    """

    def __init__(
        self, log: Log, wanted: Mapping[Place, range], has: Callable[[LogRecord], bool], *, newest: bool
    ) -> None:
        self._log = log
        self._left = dict(wanted)
        self._has = has
        self._sign = -1 if newest else 1
        # How far each partition is read, as a timestamp that never goes back; negative ones for the newest first.
        self._frontiers = {place: -(1 << 62) for place, offsets in wanted.items() if offsets}
        self._found: list[tuple[int, Place, int, LogRecord]] = []

    def is_over(self) -> bool:
        return not self._frontiers and not self._found

    def read(self) -> None:
        """Read the next offsets of the partition that is behind all others."""
        if not self._frontiers:
            return
        place = min(self._frontiers, key=lambda each: (self._frontiers[each], each))
        topic, partition = place
        for record in self._next(topic, partition):
            time = max(self._frontiers[place], self._sign * record.timestamp)
            self._frontiers[place] = time
            if self._has(record):
                heapq.heappush(self._found, (time, place, self._sign * record.offset, record))
        if not self._left[place]:
            del self._frontiers[place]

    def found(self) -> Iterator[LogRecord]:
        """Yield the records that no unread one comes before."""
        end = min(self._frontiers.values(), default=None)
        while self._found and (end is None or self._found[0][0] <= end):
            yield heapq.heappop(self._found)[-1]

    def rest(self) -> Left:
        """Return what is still to be read, with what was read and not yielded."""
        rest = dict(self._left)
        for _, place, _, record in self._found:
            offsets = rest[place]
            if self._sign > 0:
                first = min(record.offset, offsets.start if offsets else record.offset)
                rest[place] = range(first, max(offsets.stop, record.offset + 1))
            else:
                end = max(record.offset + 1, offsets.stop if offsets else 0)
                rest[place] = range(min(offsets.start, record.offset), end)
        return {f"{topic}/{number}": [each.start, each.stop] for (topic, number), each in rest.items() if each}

    def _next(self, topic: str, partition: int) -> list[LogRecord]:
        left = self._left[topic, partition]
        if self._sign > 0:
            now, after = left[:CHUNK], left[CHUNK:]
        else:
            now, after = left[-CHUNK:], left[:-CHUNK]
        self._left[topic, partition] = after
        records = list(self._log.read(topic, partition, now.start, now.stop))
        return records if self._sign > 0 else records[::-1]


def places(left: Left) -> dict[Place, range]:
    """Return the ranges of what `Search.rest` returned."""
    return {
        (topic, int(number)): range(*offsets)
        for (topic, _, number), offsets in ((each.rpartition("/"), left[each]) for each in left)
    }
