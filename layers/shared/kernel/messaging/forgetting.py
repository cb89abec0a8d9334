"""Forget people: delete what a domain keeps of someone whose account was deleted, and let nothing bring it back.

1. A tombstone is set for each person of the batch's `user-deleted` events, and committed. From then on the guards of
   the domain's tables refuse new rows about them (`schema/0006_forgetting.sql`), and consumers leave them out.
2. What is there is deleted part by part, each in a transaction of its own, however much it is.
3. The events are acknowledged. The relay deletes published records and kept answers that name the person.

A run that is killed in between is repeated, and goes on where it was. The rows are deleted by functions of the
database's owner, which are all that the application may call: it has no right to delete them itself.
"""

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from itertools import chain
from uuid import UUID

from kernel import telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.event import Event, MalformedError
from kernel.contracts.users import UserDeleted
from kernel.errors import UnavailableError
from kernel.messaging import consumer, events
from kernel.messaging.consumption import RESERVED_PART, Batch
from kernel.messaging.events import Reader, Record
from kernel.storage import cache
from kernel.storage.database import Connection, transaction

type Answer = dict[str, list[dict[str, object]]]
type Handler = Callable[[Batch, LambdaContext], Answer]
type Step = Callable[[Connection, list[UUID]], int]

MOST_ROWS = 2_000

_reader = Reader(UserDeleted)
_failure: ContextVar[Exception | None] = ContextVar("failure", default=None)


def forget_rows(connection: Connection, people: list[UUID]) -> int:
    """Forget a part of what the domain's tables and kept answers say of *people*; return how many rows, 0 = no more."""
    [(rows,)] = connection.execute(
        "SELECT forget_answers(%(people)s, %(most)s) + forget_people(%(people)s, %(most)s)",
        {"people": people, "most": MOST_ROWS},
    ).fetchall()
    return int(rows)


def consumer_of(domain: str) -> Handler:
    """Make a Lambda handler for `user-events` that forgets people and does nothing else."""
    return forgets(domain)(consumer.batch(domain, UserDeleted)(lambda _connection, several: check(several)))


def forgets(domain: str, step: Step = forget_rows) -> Callable[[Handler], Handler]:
    """Make of a consumer of `user-events`, whose function calls `check`, one that forgets people first.

    *step* forgets a part, as `forget_rows` does. It is repeated until there is no more.
    """

    def decorate(consume: Handler) -> Handler:
        def handler(event: Batch, context: LambdaContext) -> Answer:
            deletions = _deletions(event)
            if deletions:
                telemetry.begin(*next(iter(deletions.values())).header("ce_correlationid", "traceparent"))
            _failure.set(_attempt(domain, step, list(deletions), context) if deletions else None)
            return consume(event, context)

        return handler

    return decorate


def check(several: Sequence[Event]) -> None:
    """Raise what kept the people from being forgotten, if one of the events says that they are to be."""
    failure = _failure.get()
    if failure is not None and any(isinstance(event, UserDeleted) for event in several):
        raise failure


def _deletions(event: Batch) -> dict[UUID, Record]:
    """Return the people whose accounts were deleted, each with a record that says so."""
    found: dict[UUID, Record] = {}
    for record in map(events.parse, chain.from_iterable(event["records"].values())):
        try:
            read = _reader.read(record)
        except MalformedError:
            # The consumer reads it again, and dead-letters it.
            continue
        if read:
            found[read[1].user_id] = record
    return found


def _attempt(domain: str, step: Step, people: list[UUID], context: LambdaContext) -> Exception | None:
    reserve = context.get_remaining_time_in_millis() * RESERVED_PART
    rows = 0
    try:
        with transaction(domain) as connection:
            connection.execute("SELECT bury(%s)", (people,))
        while True:
            if context.get_remaining_time_in_millis() < reserve:
                return UnavailableError("There is more to be forgotten than one run can.")
            with cache.postponed(), transaction(domain) as connection:
                part = step(connection, people)
            if part == 0:
                telemetry.logger.info("people forgotten", extra={"people": len(people), "rows": rows})
                return None
            rows += part
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the events' error, not the other records'
        return error
