"""Keep the state of one partition: its waiting records, its work, and its committable offset (C1, C5 to C7).

It has no clock, thread or Kafka of its own. The dispatcher holds its lock around every call.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from millrace_plugin.kafka_trigger import backoff
from millrace_plugin.kafka_trigger.payload import Record, record_size
from millrace_plugin.kafka_trigger.policy import Step, Work


@dataclass
class Polled:
    """The result of one read of a partition."""

    records: list[Record]
    """The records for the function, in offset order."""
    filtered: int
    """How many records were filtered out."""
    end: int
    """The offset after the last record read."""


@dataclass(eq=False)
class Partition:
    number: int
    committed: int
    """The offset of the last commit that was requested."""
    read_to: int
    """The next offset to read."""
    log_start: int = 0
    """The offset of the topic's first record, as far as it is known."""
    waiting: deque[Record] = field(default_factory=deque)
    """Records that are in no batch yet, in offset order."""
    waiting_size: int = 0
    """Bytes that the waiting records would add to an event."""
    window_start: float = 0.0
    """When the batching window began (B7): with the first waiting record, or when the previous batch was settled."""
    pieces: deque[Work] = field(default_factory=deque)
    """Unsettled work. The first piece is retried until it is settled, then the next one begins (C1, R13)."""
    in_flight: bool = False
    """Whether the first piece is being invoked or delivered."""
    not_before: float = 0.0
    """When the first piece may be tried again, in the dispatcher's clock (seconds)."""
    failures: int = 0
    """Consecutive failed attempts: the exponent of the back-off (R12)."""
    failing_since: float | None = None
    """When the first piece, or what it was split from, failed first. None if it did not fail."""
    delivery_error: str | None = None
    """Why the destination did not take the first piece. None if it was not asked, or took it."""
    started: float = 0.0
    """When the first piece was last sent to the function or to the destination."""
    dropped: str | None = None
    """The records dropped since the last success, as a line for `LastProcessingResult`. None if there are none."""

    @property
    def position(self) -> int:
        """The offset before which everything is settled, which may be committed (C5, C6).

        Filtered records are passed over, like the gaps of a compacted topic (C9).
        """
        unsettled = [piece.records[0].offset for piece in self.pieces]
        if self.waiting:
            unsettled.append(self.waiting[0].offset)
        return min(unsettled, default=self.read_to)

    @property
    def idle(self) -> bool:
        """Whether its waiting records may be sent."""
        return not self.pieces and bool(self.waiting)

    @property
    def failing(self) -> bool:
        """Whether the function has failed the first piece."""
        return bool(self.pieces) and self.pieces[0].condition is None and self.pieces[0].attempts > 0

    def add(self, polled: Polled, now: float) -> None:
        if not self.waiting:
            self.window_start = now
        self.waiting.extend(polled.records)
        self.waiting_size += sum(map(record_size, polled.records))
        self.read_to = polled.end

    def due(self, now: float) -> bool:
        """Return whether the first piece may be tried at *now*."""
        return bool(self.pieces) and not self.in_flight and self.not_before <= now

    def take(self, count: int) -> Work:
        """Turn the first *count* waiting records into the last piece of work and return it."""
        work = Work([self.waiting.popleft() for _ in range(count)])
        self.waiting_size -= sum(map(record_size, work.records))
        self.pieces.append(work)
        return work

    def take_oversized(self) -> None:
        """Give up the first waiting record without an invocation, because it fits no event (B8)."""
        self.replace_first((replace(self.take(1), condition="MaximumPayloadSizeExceeded"),))

    def replace_first(self, pieces: Sequence[Work]) -> None:
        """Replace the first piece by *pieces*."""
        self.pieces.popleft()
        self.pieces.extendleft(reversed(pieces))

    def requeue(self) -> None:
        """Take back the first piece after a throttle or a service error, which is no attempt (C8).

        Records that were never invoked wait again, so that they can be merged with newer ones.
        """
        self.in_flight = False
        if not self.pieces[0].attempts:
            work = self.pieces.popleft()
            self.waiting.extendleft(reversed(work.records))
            self.waiting_size += sum(map(record_size, work.records))

    def advance(self, step: Step, now: float) -> None:
        """Apply the result of the first piece. When all pieces are settled, the next window begins (B7)."""
        self.in_flight = False
        self.replace_first(step.pieces)
        self.failures = self.failures + 1 if step.waits else 0
        unsettled = bool(step.pieces) and (self.failures > 0 or self.failing)
        self.failing_since = (self.failing_since or now) if unsettled else None
        self.not_before = now + backoff.delay(self.failures) if step.waits else 0.0
        if not self.pieces:
            self.window_start = now

    def release(self) -> int:
        """Drop the waiting records and keep the work. Returns the number of records dropped."""
        returned = len(self.waiting)
        if self.waiting:
            self.read_to = self.waiting[0].offset
            self.waiting.clear()
            self.waiting_size = 0
        return returned

    def unsettled(self) -> int:
        """Return the number of unsettled records."""
        return len(self.waiting) + sum(len(piece.records) for piece in self.pieces)
