"""Decide what follows for records of one partition: invoke, retry, split, give up, drop (sections 7 and 8).

Pure rules: they have no clock, thread or Kafka. A partition's share of a batch is a piece of `Work`. Each rule takes a
piece and its result, and returns the pieces that are left.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from millrace_plugin.kafka_trigger.failure import Condition
from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.payload import Record
from millrace_plugin.kafka_trigger.settings import Settings

NO_TIMESTAMP = -1


@dataclass(frozen=True)
class Work:
    """Records of one partition that are invoked or delivered together, and never merged with others.

    Each failure was a failure of all of them, so they share one count of attempts (R11).
    """

    records: Sequence[Record]
    """In offset order, at least one."""
    attempts: int = 0
    """How often the function was invoked with them."""
    splits: int = 0
    """How many of the attempts ended in a split, which is no retry (R13)."""
    answer: Answer | None = None
    """The function's last failure, for the destination."""
    condition: Condition | None = None
    """Why the records are given up. None while they are to be invoked."""
    failed_deliveries: int = 0


@dataclass(frozen=True)
class Outcome:
    """The result of an invocation for the records of one partition."""

    answer: Answer
    failed: Collection[int]
    """The offsets that failed."""
    alone: bool = True
    """Whether no record of another partition failed in the same batch."""


@dataclass(frozen=True)
class Delivery:
    """The result of a delivery to the destination."""

    delivered: int
    """How many records, from the first, are at the destination."""
    reason: str = ""
    """Why the others are not. Empty if all are."""
    limit: int | None = None
    """After how many failed deliveries the records are dropped (R17). None means never."""


@dataclass(frozen=True)
class Step:
    """What follows from the result of a piece of work."""

    pieces: tuple[Work, ...] = ()
    """The work that is left, in its sequence."""
    settled: int = 0
    """How many records are settled."""
    lost: Sequence[Record] = ()
    """The settled records that are dropped: neither the function nor a destination took them."""
    waits: bool = False
    """Whether the pieces are retried only after a back-off (R12)."""


def examine(work: Work, settings: Settings, now: float, log_start: int = 0) -> tuple[Work, ...]:
    """Give up records that no event can hold, and those that are too old (R4, R15).

    Call it before every invocation, the first included.

    now: in milliseconds since 1970.
    log_start: the topic's first offset. Earlier records are tried once and not retried.

    Returns *work* itself if nothing is given up, otherwise the pieces that are given up, then the rest.
    """
    oldest = now - settings.maximum_age_seconds * 1000 if settings.maximum_age_seconds is not None else None
    retried_from = log_start if work.attempts else 0
    if oldest is None and not retried_from and not any(record.problem for record in work.records):
        return (work,)
    given_up: dict[Condition, list[Record]] = {}
    rest = []
    for record in work.records:
        if record.problem:
            given_up.setdefault("RecordNotRepresentable", []).append(record)
        elif record.offset < retried_from or (oldest is not None and NO_TIMESTAMP != record.timestamp < oldest):
            given_up.setdefault("RecordAgeExceeded", []).append(record)
        else:
            rest.append(record)
    if not given_up:
        return (work,)
    pieces = [replace(work, records=records, condition=condition) for condition, records in given_up.items()]
    return (*pieces, replace(work, records=rest)) if rest else tuple(pieces)


def next_step(work: Work, outcome: Outcome | Delivery, settings: Settings) -> Step:
    """Decide what follows from an invocation or a delivery of *work*."""
    if isinstance(outcome, Delivery):
        return _after_delivery(work, outcome)
    if not outcome.failed:
        return Step(settled=len(work.records))
    failed = [record for record in work.records if record.offset in outcome.failed]
    settled = len(work.records) - len(failed)
    left = replace(work, records=failed, attempts=work.attempts + 1, answer=outcome.answer)
    if settings.bisects and (len(failed) > 1 or not outcome.alone):
        return Step(_split(left, alone=outcome.alone), settled)
    if settings.maximum_retries is not None and left.attempts - left.splits > settings.maximum_retries:
        return Step((replace(left, condition="RetriesExhausted"),), settled)
    return Step((left,), settled, waits=True)


def _split(left: Work, *, alone: bool) -> tuple[Work, ...]:
    """Halve what failed (R13, R14). If several partitions failed together, each share is a part already."""
    left = replace(left, splits=left.splits + 1)
    if not alone:
        return (left,)
    middle = len(left.records) // 2
    return replace(left, records=left.records[:middle]), replace(left, records=left.records[middle:])


def _after_delivery(work: Work, outcome: Delivery) -> Step:
    if not outcome.reason:
        return Step(settled=len(work.records))
    rest = work.records[outcome.delivered :]
    failures = work.failed_deliveries + 1
    if outcome.limit is not None and failures >= outcome.limit:
        return Step(settled=len(work.records), lost=rest)
    left = replace(work, records=rest, failed_deliveries=failures)
    return Step((left,), outcome.delivered, waits=True)
