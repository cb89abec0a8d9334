"""The records of one batch, each read once, and the phase before they are applied."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Literal, NamedTuple
from uuid import UUID

import psycopg

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.event import MalformedError
from kernel.errors import UnavailableError
from kernel.messaging.events import Record
from kernel.messaging.markers import ALL_EFFECTS, FOR_CONSUMER, REPLAY_EFFECTS, REPLAY_ID
from kernel.storage.database import is_transient
from kernel.telemetry import logger

_SKIPPING = frozenset((FOR_CONSUMER, REPLAY_ID))


class Delivery[E](NamedTuple):
    """A record and the event in it. *id*: by which the inbox knows the event."""

    record: Record
    id: UUID
    event: E


class Unreadable(NamedTuple):
    """A record in which no event can be read."""

    record: Record
    id: UUID
    error: MalformedError


def continue_trace(delivery: Delivery[Any] | Unreadable) -> None:
    """Make the trace of the delivery the current one: what is published from now on follows from it."""
    correlation_id, traceparent = delivery.record.header("ce_correlationid", "traceparent")
    telemetry.begin(correlation_id, traceparent, str(delivery.id))


class OutOfTimeError(UnavailableError):
    """The deadline is near: the record was not tried."""

    def __init__(self) -> None:
        super().__init__("There is no time left in this invocation.")


type Read[E] = Callable[[Record], tuple[UUID, E] | None]
type Failures = Mapping[UUID, Exception]
type Before[E] = Callable[[Sequence[Delivery[E]], LambdaContext], Failures]


def addressed(
    records: Iterable[Record], group: str, *, ignores_replays: bool, skipped: dict[str, int]
) -> Iterator[Record]:
    """Yield the records that are for the consumer, and count the others in *skipped*.

    *group*: the consumer's.
    """
    for record in records:
        reason = _why_skipped(record, group, ignores_replays=ignores_replays)
        if reason is None:
            yield record
        else:
            skipped[reason] += 1


def _why_skipped(
    record: Record, group: str, *, ignores_replays: bool
) -> Literal["for_others", "replays_ignored"] | None:
    """Return why the consumer skips the record, or None if it does not."""
    names = _SKIPPING.intersection(chain.from_iterable(record.raw_headers))
    if not names:
        return None
    addressee, effects = record.header(FOR_CONSUMER, REPLAY_EFFECTS)
    if FOR_CONSUMER in names and addressee != group:
        return "for_others"
    if ignores_replays and REPLAY_ID in names and effects != ALL_EFFECTS:
        return "replays_ignored"
    return None


def read_all[E](records: Iterable[Record], read: Read[E]) -> Iterator[Delivery[E] | Unreadable]:
    """Read each record once. Records of types that nobody here reads are left out."""
    for record in records:
        try:
            found = read(record)
        except MalformedError as error:
            yield Unreadable(record, record.id, error)
        else:
            if found:
                yield Delivery(record, *found)


def run_before[E](
    before: Before[E], delivered: Sequence[Delivery[E]], context: LambdaContext, deadline: float
) -> Failures:
    """Return the failures of *before*, by the ids of the events.

    If it raises a transient error, that is every event's failure. If it raises a permanent one, it is called again for
    each event alone, to find the one at fault.
    """
    ids = {each.id for each in delivered}
    if time.monotonic() > deadline:
        return dict.fromkeys(ids, OutOfTimeError())
    try:
        failures = before(delivered, context)
        _require_known(failures, ids)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the failure of events
        if len(ids) <= 1 or may_succeed_later(error):
            return dict.fromkeys(ids, error)
        logger.info("before is repeated event by event", error=name_of(error))
        alone = (run_before(before, [each], context, deadline) for each in delivered)
        return {id_: found for failures in alone for id_, found in failures.items()}
    return failures


def _require_known(failures: Failures, ids: set[UUID]) -> None:
    """Raise LookupError for a failure of no event of the batch: it would be lost, and its event taken for done."""
    if unknown := failures.keys() - ids:
        message = f"{len(unknown)} failures are of no event of the batch. Their keys must be ids of deliveries."
        raise LookupError(message)


def may_succeed_later(error: Exception) -> bool:
    """Return whether *error* is transient.

    Sockets and timeouts of outside systems count as the database's do. HTTP 429 and 5xx come as UnavailableError.
    """
    if isinstance(error, psycopg.Error):
        return is_transient(error)
    return isinstance(error, (UnavailableError, OSError))


def identifier(record: Record) -> dict[str, Any]:
    """Return the record's place, as Lambda wants it in a partial batch response."""
    return {"partition": f"{record.topic}-{record.partition}", "offset": record.offset}


def name_of(error: Exception) -> str:
    """Return the error's class and SQLSTATE, without its message, which may quote the record."""
    cause = error.__cause__ or error
    sqlstate = getattr(cause, "sqlstate", None)
    return f"{type(cause).__name__} {sqlstate}" if sqlstate else type(cause).__name__
