"""E-mails in Postgres: which are due, and which were sent or given up. `notifications.delivery` sends them."""

from typing import NamedTuple
from uuid import UUID

from psycopg.rows import class_row

from kernel.storage.database import Connection


class Email(NamedTuple):
    """*attempts*: how often it was tried, including this time."""

    notification_id: UUID
    attempts: int
    address: str
    message: str


def queue(connection: Connection, notification_ids: list[UUID]) -> int:
    """Queue an e-mail for each of the notifications that exists and has none.

    Returns how many cannot be sent because the user's address is unknown.
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
    """Claim the e-mail that has been due for longest. Returns None if none is due.

    Its next attempt is due after 1 to 1.25 minutes, doubled with every attempt up to 6 hours.
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
    """Mark the e-mail as sent and lock it until the transaction ends. Returns False if a later attempt has begun."""
    marked = connection.execute(
        """
        UPDATE emails SET sent_at = now(), due_at = NULL, error = NULL
        WHERE notification_id = %s AND attempts = %s AND sent_at IS NULL
        """,
        (email.notification_id, email.attempts),
    )
    return marked.rowcount == 1


def mark_failed(connection: Connection, email: Email, error: str, *, final: bool) -> None:
    """Store why the e-mail was not sent. *final*: do not try again."""
    connection.execute(
        """
        UPDATE emails SET error = %s, due_at = CASE WHEN NOT %s THEN due_at END
        WHERE notification_id = %s AND attempts = %s AND sent_at IS NULL
        """,
        (error, final, email.notification_id, email.attempts),
    )


def count_waiting(connection: Connection) -> int:
    """Return how many e-mails are to be sent."""
    [(waiting,)] = connection.execute("SELECT count(*) FROM emails WHERE due_at IS NOT NULL").fetchall()
    return int(waiting)
