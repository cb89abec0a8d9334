"""The rows of tasks: long commands, which topics they keep to themselves, and how far they are."""

import contextlib
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from psycopg.errors import LockNotAvailable
from psycopg.types.json import Json

from kernel.errors import ConflictError, NotFoundError
from kernel.storage.database import Connection
from operations import database

LOCK = 0x7461736B  # "task": the advisory locks' first key
# How long Postgres may take to see that a killed process is gone.
ENDING = "3s"

type State = Literal["running", "paused", "stopped", "failed", "cancelled", "done"]
# A task in one of these keeps its topics, and can be resumed.
UNFINISHED: Sequence[State] = ("running", "paused", "stopped", "failed")

COLUMNS = """
    id, operation, command, state, explanation, done, total, failures, checkpoint, who, reason, created_at, changed_at,
    ARRAY(SELECT topic FROM task_topics WHERE task_id = tasks.id ORDER BY topic)
"""


class Task(NamedTuple):
    """A long command. *topics*: those that it keeps to itself, until it is done or cancelled."""

    id: UUID
    operation: str
    command: dict[str, Any]
    state: State
    explanation: str | None
    done: int
    total: int
    failures: int
    checkpoint: dict[str, Any]
    who: str
    reason: str | None
    created_at: datetime
    changed_at: datetime
    topics: list[str]


class NewTask(NamedTuple):
    id: UUID
    operation: str
    command: dict[str, Any]
    topics: Sequence[str]
    total: int
    checkpoint: dict[str, Any]
    who: str
    reason: str | None


def create(connection: Connection, new: NewTask) -> None:
    """Add a task in the caller's transaction.

    Raises ConflictError if another task keeps one of its topics.
    """
    connection.execute(
        """
        INSERT INTO tasks (id, operation, command, total, checkpoint, who, reason)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (new.id, new.operation, Json(new.command), new.total, Json(new.checkpoint), new.who, new.reason),
    )
    for topic in sorted(new.topics):
        kept = connection.execute(
            "INSERT INTO task_topics (topic, task_id) VALUES (%s, %s) ON CONFLICT DO NOTHING", (topic, new.id)
        )
        if not kept.rowcount:
            raise _taken(connection, topic)


def newest(connection: Connection, most: int) -> list[Task]:
    found = connection.execute(f"SELECT {COLUMNS} FROM tasks ORDER BY created_at DESC, id DESC LIMIT %s", (most,))  # noqa: S608 - a constant
    return [Task(*row) for row in found]


def find(connection: Connection, task_id: UUID) -> Task:
    """Return the task. Raises NotFoundError if there is none."""
    for row in connection.execute(f"SELECT {COLUMNS} FROM tasks WHERE id = %s", (task_id,)):  # noqa: S608 - a constant
        return Task(*row)
    message = f"There is no task {task_id}. ./millrace tasks list shows those that there are."
    raise NotFoundError(message)


@contextlib.contextmanager
def driven(task_id: UUID, *, resumes: bool) -> Iterator[tuple[Connection, Task]]:
    """Work on the task alone, on a connection in autocommit mode.

    *resumes*: whether a task that was paused or stopped is running from now on. Otherwise it stays as it is.

    The lock is the connection's: it ends a moment after the process, so a killed task can be resumed at once.
    Raises NotFoundError for an unknown task. Raises ConflictError if it is finished, or worked on by another invocation.
    """
    with contextlib.closing(database.connect()) as connection:
        task = find(connection, task_id)
        if not _lock(connection, task_id):
            message = f"Another invocation works on task {task_id} at this moment. Pause it first, or wait."
            raise ConflictError(message)
        task = find(connection, task_id)
        if task.state not in UNFINISHED:
            message = f"Task {task_id} is {task.state}: there is nothing to resume."
            raise ConflictError(message)
        if resumes and task.state != "running":
            change(connection, task_id, "running", None)
        yield connection, task


def _lock(connection: Connection, task_id: UUID) -> bool:
    """Lock the task as long as *connection* lives. Returns False if another invocation keeps it."""
    with contextlib.suppress(LockNotAvailable), connection.transaction():
        connection.execute("SELECT set_config('lock_timeout', %s, true)", (ENDING,))
        connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (LOCK, str(task_id)))
        return True
    return False


def advance(
    connection: Connection, task_id: UUID, done: int, failures: int, checkpoint: dict[str, Any]
) -> tuple[State, str | None]:
    """Write how far the task is. Returns its state and why, which an operator may have changed meanwhile."""
    [(state, explanation)] = connection.execute(
        """
        UPDATE tasks SET done = %s, failures = %s, checkpoint = %s, changed_at = now() WHERE id = %s
        RETURNING state, explanation
        """,
        (done, failures, Json(checkpoint), task_id),
    ).fetchall()
    return state, explanation


def wait_for_driver(connection: Connection, task_id: UUID) -> None:
    """Wait, in the caller's transaction, until no invocation works on the task, and keep others from beginning to.

    Raises LockNotAvailable if that takes longer than a part of a task may.
    """
    connection.execute("SET LOCAL lock_timeout = '50s'")
    connection.execute("SET LOCAL statement_timeout = '55s'")
    connection.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (LOCK, str(task_id)))


def change(connection: Connection, task_id: UUID, state: State, explanation: str | None) -> None:
    """Change the state. A task that is done or cancelled gives up its topics.

    Raises NotFoundError for an unknown task, and ConflictError for one that is finished.
    """
    with connection.transaction():
        changed = connection.execute(
            """
            UPDATE tasks SET state = %s, explanation = %s, changed_at = now() WHERE id = %s AND state = ANY(%s)
            """,
            (state, explanation, task_id, list(UNFINISHED)),
        )
        if not changed.rowcount:
            message = f"Task {task_id} is {find(connection, task_id).state} already."
            raise ConflictError(message)
        if state not in UNFINISHED:
            connection.execute("DELETE FROM task_topics WHERE task_id = %s", (task_id,))


def _taken(connection: Connection, topic: str) -> ConflictError:
    [(other, operation, state)] = connection.execute(
        "SELECT id, operation, state FROM task_topics JOIN tasks ON id = task_id WHERE topic = %s", (topic,)
    ).fetchall()
    message = (
        f"{topic} is kept by task {other} ({operation}, {state}), and there is one task per topic at a time. "
        f"Wait for it, or end it: ./millrace tasks resume {other}, or ./millrace tasks cancel {other}."
    )
    return ConflictError(message)
