"""The inbox: which events a consumer has applied already, recorded in the transaction that applies them."""

from uuid import UUID

from kernel.storage.database import Connection


def claim(connection: Connection, consumer: str, ids: list[UUID]) -> set[UUID]:
    """Record the events as applied by *consumer*; return those that are new, which are the ones to apply.

    Holds within the caller's transaction: when it rolls back, they can be claimed again. Another transaction that
    claims one of them at the same time waits for this one to end. Sorted, so that two batches never wait for each
    other in a circle.
    """
    with connection.cursor(binary=True) as cursor:
        cursor.execute(
            """
            INSERT INTO inbox (consumer, event_id)
            SELECT %b, id FROM unnest(%b::uuid[]) AS id ORDER BY id
            ON CONFLICT DO NOTHING
            RETURNING event_id
            """,
            (consumer, ids),
        )
        return {event_id for (event_id,) in cursor}


def has(connection: Connection, consumer: str, event_id: UUID) -> bool:
    """Whether *consumer* has claimed the event."""
    found = connection.execute("SELECT FROM inbox WHERE consumer = %s AND event_id = %s", (consumer, event_id))
    return found.rowcount == 1
