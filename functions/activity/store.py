"""Processed events in Postgres."""

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.rows import class_row

from activity.schemas import ProcessedEvent
from kernel.contracts.activity import UserEvent
from kernel.database import Connection


def add_many(connection: Connection, events: list[UserEvent]) -> None:
    """Keep the events that are not kept yet."""
    connection.execute(
        """
        INSERT INTO events (id, user_id, event_type, payload)
        SELECT * FROM unnest(%b::uuid[], %b::text[], %b::text[], %b::jsonb[])
        ON CONFLICT (id) DO NOTHING
        """,
        (
            [event.event_id for event in events],
            [event.user_id for event in events],
            [event.event_type.value for event in events],
            [None if event.payload is None else msgspec.json.encode(event.payload).decode() for event in events],
        ),
    )


def newest(connection: Connection, limit: int, *, after: tuple[datetime, UUID] | None) -> list[ProcessedEvent]:
    """Up to *limit* events, newest first, from the one *after* that creation time and id on."""
    with connection.cursor(row_factory=class_row(ProcessedEvent)) as cursor:
        cursor.execute(
            """
            SELECT id, user_id, event_type, payload, created_at AT TIME ZONE 'UTC' AS created_at FROM events
            WHERE (created_at, id) < (%s::timestamptz AT TIME ZONE 'UTC', %s::uuid)
            ORDER BY created_at DESC, id DESC LIMIT %s
            """,
            (*(after or ("infinity", UUID(int=(1 << 128) - 1))), limit),
        )
        return cursor.fetchall()
