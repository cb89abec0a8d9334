"""E-mails in Postgres: which are to be sent, and what became of them. `notifications.delivery` sends them."""

from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from kernel.storage.database import Connection


class Email(NamedTuple):
    """*attempts*: how often it was tried, this time included."""

    notification_id: UUID
    attempts: int
    address: str
    message: str


def queue(connection: Connection, notification_ids: list[UUID]) -> int:
    """Have an e-mail sent for each of the notifications that exist and have none.

    It stays unsent where no address of the user is known; returns how many do.
    """
    queued = connection.execute(
        """
        INSERT INTO emails (notification_id, due_at, error)
        SELECT id, CASE WHEN email IS NOT NULL THEN now() END, CASE WHEN email IS NULL THEN 'no address' END
        FROM notifications LEFT JOIN recipients USING (user_id)
        WHERE id = ANY(%b::uuid[]) ORDER BY id
        ON CONFLICT DO NOTHING
        RETURNING due_at IS NULL
        """,
        (notification_ids,),
    )
    return sum(unaddressed for (unaddressed,) in queued)


def claim(connection: Connection) -> Email | None:
    """The e-mail that has been due for longest, ours to try; None if there is none.

    Its next attempt is due after 1 to 1.25 minutes, doubled with every attempt up to 6 hours, unless it is settled.
    """
    with connection.cursor(row_factory=class_row(Email)) as cursor:
        cursor.execute(
            """
            WITH due AS (
                SELECT notification_id, email, message
                FROM emails JOIN notifications ON id = notification_id JOIN recipients USING (user_id)
                WHERE due_at <= now() ORDER BY due_at LIMIT 1
                FOR UPDATE OF emails SKIP LOCKED
            )
            UPDATE emails SET
                attempts = attempts + 1,
                due_at = now() + least(interval '1 minute' * 2 ^ attempts, interval '6 hours') * (1 + random() / 4)
            FROM due WHERE emails.notification_id = due.notification_id
            RETURNING emails.notification_id, attempts, email AS address, message
            """
        )
        return cursor.fetchone()


def mark_sent(connection: Connection, email: Email) -> bool:
    """Whether this attempt still is the latest. Until the transaction ends nobody else can claim the e-mail."""
    marked = connection.execute(
        """
        UPDATE emails SET sent_at = now(), due_at = NULL, error = NULL
        WHERE notification_id = %s AND attempts = %s AND sent_at IS NULL
        """,
        (email.notification_id, email.attempts),
    )
    return marked.rowcount == 1


def mark_failed(connection: Connection, email: Email, error: str, *, final: bool) -> None:
    """Keep why it was not sent; it is tried again when it is due, unless this was *final*."""
    connection.execute(
        """
        UPDATE emails SET error = %s, due_at = CASE WHEN NOT %s THEN due_at END
        WHERE notification_id = %s AND attempts = %s AND sent_at IS NULL
        """,
        (error, final, email.notification_id, email.attempts),
    )


def count_waiting(connection: Connection) -> int:
    [(waiting,)] = connection.execute("SELECT count(*) FROM emails WHERE due_at IS NOT NULL").fetchall()
    return int(waiting)
