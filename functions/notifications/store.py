"""Notifications and their readers in Postgres."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from kernel import ids
from kernel.storage.database import Connection
from notifications.model import Notice
from notifications.schemas import NotificationView


def add_many(connection: Connection, notices: list[Notice]) -> list[NotificationView]:
    """Add the notifications in their order, and return them as they are kept."""
    with connection.cursor(row_factory=class_row(NotificationView)) as cursor:
        cursor.execute(
            """
            INSERT INTO notifications (id, user_id, type, message)
            SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[])
            RETURNING id, user_id, type, message, created_at, read_at
            """,
            (
                [ids.new() for _ in notices],
                [notice.user_id for notice in notices],
                [notice.type.value for notice in notices],
                [notice.message for notice in notices],
            ),
        )
        return cursor.fetchall()


def newest(
    connection: Connection, user_id: UUID, limit: int, *, after: tuple[datetime, UUID] | None
) -> list[NotificationView]:
    """Up to *limit* of the user's notifications, newest first, from the one *after* that creation time and id on."""
    with connection.cursor(row_factory=class_row(NotificationView)) as cursor:
        cursor.execute(
            """
            SELECT id, user_id, type, message, created_at, read_at FROM notifications
            WHERE user_id = %s AND (created_at, id) < (%s::timestamptz, %s::uuid)
            ORDER BY created_at DESC, id DESC LIMIT %s
            """,
            (user_id, *(after or ("infinity", UUID(int=(1 << 128) - 1))), limit),
        )
        return cursor.fetchall()


def mark_read(connection: Connection, user_id: UUID, notification_id: UUID) -> NotificationView | None:
    """The user's own notification, read since now or since it was read before; None if they have no such."""
    with connection.cursor(row_factory=class_row(NotificationView)) as cursor:
        cursor.execute(
            """
            UPDATE notifications SET read_at = coalesce(read_at, now()) WHERE id = %s AND user_id = %s
            RETURNING id, user_id, type, message, created_at, read_at
            """,
            (notification_id, user_id),
        )
        return cursor.fetchone()


def keep_addresses(connection: Connection, addresses: Mapping[UUID, str]) -> None:
    """Remember where the users can be written to from now on; sorted, so that two batches never wait in a circle."""
    connection.execute(
        """
        INSERT INTO recipients (user_id, email)
        SELECT * FROM unnest(%b::uuid[], %b::text[]) AS address (user_id, email) ORDER BY user_id
        ON CONFLICT (user_id) DO UPDATE SET email = excluded.email
        """,
        (list(addresses), list(addresses.values())),
    )
