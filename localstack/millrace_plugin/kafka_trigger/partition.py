"""One partition of a mapping: what waits, what is being settled, and how far it may be committed (C1, C5 to C7).

Pure state, no clock, threads or Kafka of its own; the dispatcher holds its lock around every call.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from millrace_plugin.kafka_trigger import backoff
from millrace_plugin.kafka_trigger.payload import Record, record_size
from millrace_plugin.kafka_trigger.policy import Step, Work


@dataclass
class Polled:
    """What was read of one partition at a time."""

    records: list[Record]
    """Those for the function, in offset order."""
    filtered: int
    """How many others were read between them."""
    end: int
    """The offset after the last one read."""


@dataclass(eq=False)
class Partition:
    number: int
    committed: int
    """What was last to be committed."""
    read_to: int
    """The offset to be read next."""
    log_start: int = 0
    """The offset of the first record that the topic still holds, as far as is known."""
    waiting: deque[Record] = field(default_factory=deque)
    waiting_size: int = 0
    """Bytes that the waiting records would add to an event."""
    window_start: float = 0.0
    """When the batching window began (B7): the first waiting record came, or the batch before it was settled."""
    pieces: deque[Work] = field(default_factory=deque)
    """What was taken and is not settled. The first is tried until it is settled, then the next (C1, R13)."""
    in_flight: bool = False
    """An invocation or a delivery of the first piece is under way."""
    not_before: float = 0.0
    failures: int = 0
    """Consecutive tries that failed: the back-off's exponent (R12)."""
    dropped: str | None = None
    """What was dropped since the function last settled a record, as one line for `LastProcessingResult`."""

    @property
    def position(self) -> int:
        """What may be committed: the offset before which everything is settled (C5, C6).

        What was filtered out needs no settling: the position passes over it like over the gaps of compaction (C9).
        """
        unsettled = [piece.records[0].offset for piece in self.pieces]
        if self.waiting:
            unsettled.append(self.waiting[0].offset)
        return min(unsettled, default=self.read_to)

    @property
    def idle(self) -> bool:
        """Free to have its waiting records sent."""
        return not self.pieces and bool(self.waiting)

    @property
    def failing(self) -> bool:
        """Whether the function has failed what is tried now."""
        return bool(self.pieces) and self.pieces[0].condition is None and self.pieces[0].attempts > 0

    def add(self, polled: Polled, now: float) -> None:
        if not self.waiting:
            self.window_start = now
        self.waiting.extend(polled.records)
        self.waiting_size += sum(map(record_size, polled.records))
        self.read_to = polled.end

    def due(self, now: float) -> bool:
        """Whether the first piece may be tried."""
        return bool(self.pieces) and not self.in_flight and self.not_before <= now

    def take(self, count: int) -> Work:
        """Make the first *count* waiting records the work to be settled next."""
        work = Work([self.waiting.popleft() for _ in range(count)])
        self.waiting_size -= sum(map(record_size, work.records))
        self.pieces.append(work)
        return work

    def take_oversized(self) -> None:
        """Give up the first waiting record, which fits no event, without an invocation (B8)."""
        self.replace_first((replace(self.take(1), condition="MaximumPayloadSizeExceeded"),))

    def replace_first(self, pieces: Sequence[Work]) -> None:
        """Put *pieces* in the place of the first one."""
        self.pieces.popleft()
        self.pieces.extendleft(reversed(pieces))

    def requeue(self) -> None:
        """Note that the function did not take the first piece, which is no attempt (C8).

        Records that it has never been given wait again, so that they can be sent with what has come meanwhile.
        """
        self.in_flight = False
        if not self.pieces[0].attempts:
            work = self.pieces.popleft()
            self.waiting.extendleft(reversed(work.records))
            self.waiting_size += sum(map(record_size, work.records))

    def advance(self, step: Step, now: float) -> None:
        """Note what has become of the first piece. When all are settled, the next batch's window begins (B7)."""
        self.in_flight = False
        self.replace_first(step.pieces)
        self.failures = self.failures + 1 if step.waits else 0
        self.not_before = now + backoff.delay(self.failures) if step.waits else 0.0
        if not self.pieces:
            self.window_start = now

    def release(self) -> int:
        """Forget what waits, and keep what was taken. Returns the number of records forgotten."""
        returned = len(self.waiting)
        if self.waiting:
            self.read_to = self.waiting[0].offset
            self.waiting.clear()
            self.waiting_size = 0
        return returned

    def unsettled(self) -> int:
        """Return the number of records that were read for the function and are not settled."""
        return len(self.waiting) + sum(len(piece.records) for piece in self.pieces)
