"""Invoked by the command line: keep what an operator changed by other means than an operation."""

from collections.abc import Iterator
from typing import Any

import msgspec

from kernel.errors import FieldProblem, refuse_fields
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import accountability, audit_store
from operations.commands import RecordAudit
from operations.database import transaction


@operation(RecordAudit)
def handler(command: RecordAudit, _run: Run[None]) -> Iterator[Progress[None]]:
    accountability.require_reason(command.reason)
    counts = _counts(command.counts)
    who = accountability.name_of(command.who)
    with transaction() as connection:
        audit_store.add(connection, audit_store.NewEntry(who, command.command, {}, command.reason, counts))
    yield Progress(1, 1)


def _counts(text: str) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.DecodeError:
        refuse_fields([FieldProblem("counts", 'must be a JSON object, e.g. {"records": 12}')])
        raise
