"""Processed events in Postgres."""

from datetime import datetime
from uuid import UUID

import msgspec
from psycopg.sql import SQL

from activity import model
from activity.model import ProcessedEvent
from kernel.contracts.activity import UserEvent
from kernel.storage.database import Connection
from kernel.storage.keyset import NEWEST
from kernel.web.pages import LARGEST_PAGE

COLUMNS = SQL("id, user_id, event_type, payload::text AS payload, created_at")


def add_many(connection: Connection, events: list[UserEvent]) -> None:
    """Insert the events that are not stored yet."""
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


def newest(
    connection: Connection, limit: int, *, after: tuple[datetime, UUID] | None
) -> tuple[list[ProcessedEvent], bool]:
    """Return up to *limit* events, newest first, and whether more may be left even if these are fewer.

    Postgres reads only as much as one response holds: a stored payload can be 50 times as long as the one sent.

    *after*: the creation time and the id of the previous page's last event.
    """
    rows = connection.execute(
        SQL(
            """
            WITH RECURSIVE page AS (
                (
                    SELECT {columns}, 1 AS place, 0::bigint AS before
                    FROM events WHERE (created_at, id) < (%s::timestamptz AT TIME ZONE 'UTC', %s::uuid)
                    ORDER BY created_at DESC, id DESC LIMIT 1
                )
                UNION ALL
                SELECT next.*, place + 1, before + octet_length(page.user_id) + coalesce(octet_length(page.payload), 0)
                FROM page CROSS JOIN LATERAL (
                    SELECT {columns} FROM events
                    WHERE (created_at, id) < (page.created_at, page.id) ORDER BY created_at DESC, id DESC LIMIT 1
                ) AS next
                WHERE place < %s
                    AND before + octet_length(page.user_id) + coalesce(octet_length(page.payload), 0) < %s
            )
            SELECT id, user_id, event_type, payload, created_at AT TIME ZONE 'UTC' FROM page ORDER BY place
            """
        ).format(columns=COLUMNS),
        (*(after or NEWEST), limit, LARGEST_PAGE),
    ).fetchall()
    read = sum(len(user_id.encode()) + len((payload or "").encode()) for _, user_id, _, payload, _ in rows)
    events = [
        ProcessedEvent(event_id, user_id, event_type, model.show_payload(payload), created_at)
        for event_id, user_id, event_type, payload, created_at in rows
    ]
    return events, read >= LARGEST_PAGE
