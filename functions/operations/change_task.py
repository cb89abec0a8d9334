"""Invoked by an operator: pause or cancel a task. An invocation that works on it ends with the batch under way.

A cancelled task gives up its topics only when nobody works on it any more. Until then it is paused.
"""

from collections.abc import Iterator
from uuid import UUID

from kernel import validation
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import accountability, audit_store, task_store
from operations.commands import ChangeTask
from operations.database import transaction
from operations.task_store import State

STATES: dict[str, State] = {"pause": "paused", "cancel": "cancelled"}


@operation(ChangeTask)
def handler(command: ChangeTask, _run: Run[None]) -> Iterator[Progress[None]]:
    task_id, state = validation.convert(command.task, UUID, path="task"), STATES[command.action]
    who = accountability.name_of(command.who)
    if state == "cancelled":
        with transaction() as connection:
            task_store.change(connection, task_id, "paused", f"about to be cancelled by {who}")
    with transaction() as connection:
        if state == "cancelled":
            task_store.wait_for_driver(connection, task_id)
        task_store.change(connection, task_id, state, f"{state} by {who}")
        task = task_store.find(connection, task_id)
        options = {"operation": task.operation, "task": command.task}
        counts = {"done": task.done, "total": task.total}
        entry = audit_store.NewEntry(who, f"tasks {command.action}", options, command.reason, counts, task_id)
        audit_store.add(connection, entry)
    yield Progress(1, 1, result=task._asdict())
