"""What became of dead letters, by their place. A letter without a row waits."""

from collections.abc import Collection, Iterable, Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from kernel.storage.database import Connection

type Fate = Literal["selected", "redriven", "discarded", "archived", "expired"]


class Place(NamedTuple):
    """A letter's place on its dead-letter topic. *timestamp*: tells it from one of a topic that was made again."""

    topic: str
    partition: int
    offset: int
    timestamp: int


def fates(connection: Connection, topics: Collection[str]) -> dict[Place, Fate]:
    """Return what became of the letters on *topics*, of those that do not wait.

    Letters that a cancelled task had selected wait again.
    """
    found = connection.execute(
        """
        SELECT topic, partition, "offset", "timestamp", letters.state FROM letters LEFT JOIN tasks ON id = task_id
        WHERE topic = ANY(%s) AND NOT (letters.state = 'selected' AND tasks.state IN ('cancelled', 'done'))
        """,
        (list(topics),),
    )
    return {Place(*place): fate for *place, fate in found}


def select(connection: Connection, task_id: UUID, places: Sequence[Place]) -> None:
    """Let the task redrive the letters, in this order. Runs in the caller's transaction."""
    _put(connection, places, "selected", task_id, range(len(places)))


def put(connection: Connection, places: Sequence[Place], fate: Fate) -> None:
    """Keep what became of the letters."""
    _put(connection, places, fate, None, [None] * len(places))


def restore(connection: Connection, places: Sequence[Place]) -> None:
    """Let archived letters wait again."""
    connection.execute(
        """
        DELETE FROM letters USING unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS given (t, p, o, m)
        WHERE topic = t AND partition = p AND "offset" = o AND "timestamp" = m AND state = 'archived'
        """,
        _columns(places),
    )


def selected(connection: Connection, task_id: UUID, most: int) -> list[Place]:
    """Return the next letters of the task, in their order."""
    found = connection.execute(
        """
        SELECT topic, partition, "offset", "timestamp" FROM letters
        WHERE task_id = %s AND state = 'selected' ORDER BY number LIMIT %s
        """,
        (task_id, most),
    )
    return [Place(*row) for row in found]


def mark_redriven(connection: Connection, task_id: UUID, places: Sequence[Place]) -> None:
    connection.execute(
        """
        UPDATE letters SET state = 'redriven', changed_at = now()
        FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[]) AS given (t, p, o, m)
        WHERE topic = t AND partition = p AND "offset" = o AND "timestamp" = m AND task_id = %s
        """,
        (*_columns(places), task_id),
    )


def _put(
    connection: Connection, places: Sequence[Place], fate: Fate, task_id: UUID | None, numbers: Iterable[int | None]
) -> None:
    connection.execute(
        """
        INSERT INTO letters (topic, partition, "offset", "timestamp", number, state, task_id)
        SELECT t, p, o, m, n, %s, %s
        FROM unnest(%s::text[], %s::int[], %s::bigint[], %s::bigint[], %s::bigint[]) AS given (t, p, o, m, n)
        ON CONFLICT (topic, partition, "offset", "timestamp") DO UPDATE
        SET state = excluded.state, task_id = excluded.task_id, number = excluded.number, changed_at = now()
        """,
        (fate, task_id, *_columns(places), list(numbers)),
    )


def _columns(places: Sequence[Place]) -> tuple[list[str], list[int], list[int], list[int]]:
    return (
        [each.topic for each in places],
        [each.partition for each in places],
        [each.offset for each in places],
        [each.timestamp for each in places],
    )
