"""Invoked by an operator: list the long commands, or show one of them with its checkpoint."""

from collections.abc import Iterator
from uuid import UUID

from kernel import validation
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import task_store
from operations.commands import ListTasks
from operations.database import transaction

MOST = 100


@operation(ListTasks)
def handler(command: ListTasks, _run: Run[None]) -> Iterator[Progress[None]]:
    with transaction() as connection:
        if command.task:
            found = [task_store.find(connection, validation.convert(command.task, UUID, path="task"))]
        else:
            found = task_store.newest(connection, MOST)
    yield Progress(len(found), len(found), result=[task._asdict() for task in found])
