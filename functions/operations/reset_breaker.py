"""Invoked by an operator: close a consumer's breaker, so that it may dead-letter as many records again."""

from collections.abc import Iterator

import msgspec

from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.storage import database
from operations import accountability, audit_store
from operations.commands import ResetBreaker
from operations.consumers import Consumer, named
from operations.database import transaction


@operation(ResetBreaker)
def handler(command: ResetBreaker, _run: Run[None]) -> Iterator[Progress[None]]:
    consumer = named(command.consumer)
    failures, threshold = _read(consumer)
    told = {"consumer": consumer.name, "failures": failures, "threshold": threshold, "open": failures >= threshold > 0}
    if not command.execute:
        yield Progress(0, 1, result=told)
        return
    accountability.require_reason(command.reason)
    who = accountability.name_of(command.who)
    entry = audit_store.NewEntry(
        who, "breakers reset", msgspec.to_builtins(command), command.reason, {"failures": failures}
    )
    with transaction() as connection:
        audit_store.add(connection, entry)
    with database.transaction(consumer.domain, "relay") as connection:
        connection.execute("SELECT reset_breaker(%s)", (consumer.group,))
    yield Progress(1, 1, result={**told, "open": False, "state": "done"})


def _read(consumer: Consumer) -> tuple[int, int]:
    """Return how many failures in a row the breaker counts, and how many it allows; 0 and 0 if there were none."""
    with database.transaction(consumer.domain, "ro") as connection:
        row = connection.execute(
            "SELECT failures, threshold FROM breakers WHERE consumer = %s", (consumer.group,)
        ).fetchone()
    return (int(row[0]), int(row[1] or 0)) if row else (0, 0)
