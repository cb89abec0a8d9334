"""The inbox: which events a consumer has applied, recorded in the transaction that applies them.

Its rows belong to a *scope*: a consumer group and a generation. In a new generation every known event is new again, so
a projection can be rebuilt by a replay. The rows of other generations and of other consumers stay.
"""

from uuid import UUID

from kernel.storage.database import Connection

FIRST_GENERATION = 1


def scope_of(group: str, generation: int) -> str:
    """Return the scope of a consumer group's *generation*.

    The first generation's is the group alone, as in all rows from before there were generations. No group contains
    the separator: Kafka allows letters, digits, `.`, `_` and `-`.
    """
    return group if generation == FIRST_GENERATION else f"{group}#{generation}"


def claim(connection: Connection, scope: str, ids: list[UUID]) -> set[UUID]:
    """Record the events as applied in *scope*. Returns the new ones, which are to be applied.

    The claim belongs to the caller's transaction: after a rollback the events can be claimed again. Another
    transaction that claims one of them waits for this one to end. The ids are sorted against deadlocks.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            """
            INSERT INTO inbox (consumer, event_id)
            SELECT %b, id FROM unnest(%b::uuid[]) AS id ORDER BY id
            ON CONFLICT DO NOTHING
            RETURNING event_id
            """,
            (scope, ids),
        )
        return {event_id for (event_id,) in cursor}


def has(connection: Connection, scope: str, event_id: UUID) -> bool:
    """Return whether the event was claimed in *scope*."""
    found = connection.execute("SELECT FROM inbox WHERE consumer = %s AND event_id = %s", (scope, event_id))
    return found.rowcount == 1
