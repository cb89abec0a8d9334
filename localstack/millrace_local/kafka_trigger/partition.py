"""One partition of a mapping: what waits, what is being settled, and how far it may be committed (C1, C5 to C7).

Pure state, no clock, threads or Kafka of its own; the dispatcher holds its lock around every call.
"""

from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from millrace_local.kafka_trigger import backoff
from millrace_local.kafka_trigger.failure import Condition
from millrace_local.kafka_trigger.invoker import Answer
from millrace_local.kafka_trigger.payload import Record, record_size


@dataclass
class Work:
    """The partition's share of one batch, until every record of it is settled.

    All *records* have failed together each time, so one count serves them all (R11): a record that did not fail was
    settled and has left.
    """

    records: Sequence[Record]
    """Still to be settled by the function, in offset order."""
    end: int
    """The offset after the share's last record: what is committed when all is settled."""
    attempts: int = 0
    answer: Answer | None = None
    """The last failure's, for the destination."""
    spent: Sequence[Record] = ()
    """Given up: to be delivered to the destination, or dropped."""
    condition: Condition = "RetriesExhausted"

    @property
    def first_unsettled(self) -> int:
        unsettled = (*self.spent[:1], *self.records[:1])
        return min(record.offset for record in unsettled) if unsettled else self.end


@dataclass
class Partition:
    number: int
    waiting: deque[Record] = field(default_factory=deque)
    waiting_size: int = 0
    """Bytes that the waiting records would add to an event."""
    since: float = 0.0
    """When the batching window began (B7): the first waiting record came, or the batch before it was settled."""
    work: Work | None = None
    busy: bool = False
    """An invocation or a delivery is under way."""
    not_before: float = 0.0
    setbacks: int = 0
    """Consecutive tries that did not settle the work, throttles included: the back-off's exponent."""
    position: int = -1
    """What may be committed: the offset before which everything is settled (C5, C6); -1 before anything is."""

    def add(self, records: Sequence[Record], now: float) -> None:
        if not self.waiting:
            self.since = now
        self.waiting.extend(records)
        self.waiting_size += sum(map(record_size, records))

    @property
    def idle(self) -> bool:
        """Free to have its waiting records sent."""
        return self.work is None and bool(self.waiting)

    def due(self, now: float) -> bool:
        """Whether unsettled work may be tried again."""
        return self.work is not None and not self.busy and self.not_before <= now

    def take(self, count: int) -> Sequence[Record]:
        """Send the first *count* waiting records: they are in flight until settled."""
        records = [self.waiting.popleft() for _ in range(count)]
        self.waiting_size -= sum(map(record_size, records))
        self.work = Work(records, end=records[-1].offset + 1)
        self.position = max(self.position, records[0].offset)
        self.busy = True
        return records

    def take_oversized(self) -> None:
        """B8: the first waiting record fits no event, so it is given up without an invocation."""
        record = self.waiting.popleft()
        self.waiting_size -= record_size(record)
        self.work = Work((), record.offset + 1, spent=(record,), condition="MaximumPayloadSizeExceeded")

    def fail(self, offsets: Collection[int], answer: Answer, maximum_retries: int | None, now: float) -> int:
        """The function failed these records; the rest of what was sent is settled. Gives the number settled (R10)."""
        work = self._end_try()
        settled = len(work.records)
        work.records = [record for record in work.records if record.offset in offsets]
        settled -= len(work.records)
        work.attempts += 1
        work.answer = answer
        if maximum_retries is not None and work.attempts > maximum_retries:
            work.spent, work.records = work.records, ()
            self.setbacks = 0
        else:
            self._wait(now)
        self.position = max(self.position, work.first_unsettled)
        return settled

    def postpone(self, now: float) -> None:
        """The try did not reach its aim and does not count as an attempt (C8)."""
        self._end_try()
        self._wait(now)

    def delivered(self, count: int, now: float) -> None:
        """The first *count* of the spent records are settled, and the rest must wait (D-order)."""
        work = self._end_try()
        work.spent = work.spent[count:]
        self.position = max(self.position, work.first_unsettled)
        self._wait(now)

    def settle(self, now: float) -> int:
        """All records of the work are settled; the next batch's window begins. Gives the number that were left."""
        work = self._end_try()
        self.work = None
        self.setbacks = 0
        self.since = now
        self.position = work.end
        return len(work.records) + len(work.spent)

    def give_back(self) -> int:
        """Drop what waits and keep what has been sent. Gives the number of records dropped."""
        dropped = len(self.waiting)
        self.waiting.clear()
        self.waiting_size = 0
        return dropped

    @property
    def read_to(self) -> int:
        """The offset to read on from when nothing waits."""
        return self.work.end if self.work else self.position

    def unsettled(self) -> int:
        """Number of records polled and not settled."""
        return len(self.waiting) + (len(self.work.records) + len(self.work.spent) if self.work else 0)

    def _end_try(self) -> Work:
        if self.work is None:
            raise AssertionError(f"partition {self.number} has no work to settle")
        self.busy = False
        return self.work

    def _wait(self, now: float) -> None:
        self.setbacks += 1
        self.not_before = now + backoff.delay(self.setbacks)
