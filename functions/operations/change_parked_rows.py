"""Invoked by an operator: let parked rows be published again, or delete them for good.

The audit is written first. A kill after it leaves rows parked, and the same command does the rest.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby

import msgspec
import psycopg

from kernel.errors import ConflictError
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.storage import database
from operations import accountability, audit_store, parked_rows
from operations.commands import ChangeParkedRows
from operations.database import transaction
from operations.parked_rows import ParkedRow

NOT_PARKED = "MR409"
STATEMENTS = {
    "retry": "SELECT retry_parked(%s)",
    "discard": "SELECT count(*) FROM discard_parked_rows(%s)",
}


@operation(ChangeParkedRows)
def handler(command: ChangeParkedRows, _run: Run[None]) -> Iterator[Progress[None]]:
    if command.execute:
        accountability.require_reason(command.reason)
    rows = parked_rows.chosen(command, command.domain)
    until = command.until or datetime.now(UTC)
    plan = parked_rows.plan_of(rows, until.isoformat())
    plan.require(command.expect)
    if not command.execute:
        yield Progress(0, len(rows), result=plan.result(0))
        return
    _audit(command, len(rows))
    done = sum(
        _change(command.action, domain, list(several)) for domain, several in groupby(rows, lambda row: row.domain)
    )
    yield Progress(done, len(rows), result={"state": "done", "changed": done})


def _change(action: str, domain: str, rows: list[ParkedRow]) -> int:
    ids = [row.record.offset for row in rows]
    try:
        with database.transaction(domain, "relay") as connection:
            [(changed,)] = connection.execute(STATEMENTS[action], (ids,)).fetchall()
    except psycopg.Error as error:
        if error.sqlstate != NOT_PARKED:
            raise
        message = f"{domain}: {error.diag.message_primary}. {error.diag.message_hint}"
        raise ConflictError(message) from error
    return int(changed)


def _audit(command: ChangeParkedRows, count: int) -> None:
    who, given = accountability.name_of(command.who), msgspec.to_builtins(command)
    entry = audit_store.NewEntry(who, f"outbox {command.action}", given, command.reason, {"rows": count})
    with transaction() as connection:
        audit_store.add(connection, entry)
