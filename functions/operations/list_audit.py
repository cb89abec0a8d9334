"""Invoked by an operator: list what operators changed, when, why, and how much of it."""

from collections.abc import Iterator

from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import audit_store
from operations.commands import ListAudit
from operations.database import transaction


@operation(ListAudit)
def handler(command: ListAudit, _run: Run[None]) -> Iterator[Progress[None]]:
    with transaction() as connection:
        found = audit_store.newest(connection, command.since, command.most)
    yield Progress(len(found), len(found), result=[entry._asdict() for entry in found])
