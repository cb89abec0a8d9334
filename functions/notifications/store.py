"""Notifications and their readers in Postgres."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.sql import SQL

from kernel import ids
from kernel.storage.database import Connection
from kernel.storage.keyset import NEWEST
from notifications.model import Address, Notice
from notifications.schemas import NotificationView

COLUMNS = SQL("id, user_id, type, message, created_at, read_at")


def add_many(connection: Connection, notices: list[Notice]) -> list[NotificationView]:
    """Insert the notifications and return them."""
    with connection.cursor(row_factory=class_row(NotificationView)) as cursor:
        cursor.execute(
            SQL(
                """
                INSERT INTO notifications (id, user_id, type, message)
                SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::text[], %b::text[])
                RETURNING {}
                """
            ).format(COLUMNS),
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
    """Return up to *limit* of the user's notifications, newest first.

    *after*: the creation time and the id of the previous page's last notification.
    """
    with connection.cursor(row_factory=class_row(NotificationView)) as cursor:
        cursor.execute(
            SQL(
                """
                SELECT {} FROM notifications
                WHERE user_id = %s AND (created_at, id) < (%s::timestamptz, %s::uuid)
                ORDER BY created_at DESC, id DESC LIMIT %s
                """
            ).format(COLUMNS),
            (user_id, *(after or NEWEST), limit),
        )
        return cursor.fetchall()


def mark_read(connection: Connection, user_id: UUID, notification_id: UUID) -> NotificationView | None:
    """Mark the notification as read, unless it is, and return it. Returns None if the user has no such notification."""
    with connection.cursor(row_factory=class_row(NotificationView)) as cursor:
        cursor.execute(
            SQL(
                """
                UPDATE notifications SET read_at = coalesce(read_at, now()) WHERE id = %s AND user_id = %s
                RETURNING {}
                """
            ).format(COLUMNS),
            (notification_id, user_id),
        )
        return cursor.fetchone()


def keep_addresses(connection: Connection, addresses: Mapping[UUID, Address]) -> None:
    """Store the users' e-mail addresses, unless a later one is known. Sorted, so that two batches cannot deadlock."""
    connection.execute(
        """
        INSERT INTO recipients AS known (user_id, email, updated_at)
        SELECT * FROM unnest(%b::uuid[], %b::text[], %b::timestamptz[]) AS address (user_id) ORDER BY user_id
        ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, updated_at = excluded.updated_at
        WHERE known.updated_at IS NULL OR known.updated_at <= excluded.updated_at
        """,
        (
            list(addresses),
            [address.email for address in addresses.values()],
            [address.updated_at for address in addresses.values()],
        ),
    )
