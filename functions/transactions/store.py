"""The ledger and its balances in Postgres."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from kernel.contracts.transactions import TransactionCreated
from kernel.storage.database import Connection
from transactions.model import TransactionView
from transactions.schemas import CurrencyBalance


def book(connection: Connection, events: list[TransactionCreated]) -> None:
    """Add the transactions that are not in the ledger yet, each once, and add them up to the balances.

    One statement does both, so that a balance is never anything but the sum of its entries. Sorted, so that two
    batches never wait for each other in a circle.
    """
    connection.execute(
        """
        WITH booked AS (
            INSERT INTO entries (id, user_id, amount_cents, currency, description, created_at)
            SELECT * FROM unnest(%b::uuid[], %b::uuid[], %b::bigint[], %b::text[], %b::text[], %b::timestamptz[])
                AS entry (id) ORDER BY id
            ON CONFLICT (id) DO NOTHING
            RETURNING user_id, currency, amount_cents
        )
        INSERT INTO balances AS balance (user_id, currency, balance_cents, transactions)
        SELECT user_id, currency, sum(amount_cents), count(*) FROM booked
        GROUP BY user_id, currency ORDER BY user_id, currency
        ON CONFLICT (user_id, currency) DO UPDATE SET
            balance_cents = balance.balance_cents + excluded.balance_cents,
            transactions = balance.transactions + excluded.transactions
        """,
        (
            [event.transaction_id for event in events],
            [event.user_id for event in events],
            [event.amount_cents for event in events],
            [event.currency for event in events],
            [event.description for event in events],
            [event.created_at for event in events],
        ),
    )


def newest(
    connection: Connection, user_id: UUID, limit: int, *, after: tuple[datetime, UUID] | None
) -> list[TransactionView]:
    """Up to *limit* of the user's transactions, newest first, from the one *after* that creation time and id on."""
    with connection.cursor(row_factory=class_row(TransactionView)) as cursor:
        cursor.execute(
            """
            SELECT id, user_id, amount_cents, currency, description, created_at FROM entries
            WHERE user_id = %s AND (created_at, id) < (%s::timestamptz, %s::uuid)
            ORDER BY created_at DESC, id DESC LIMIT %s
            """,
            (user_id, *(after or ("infinity", UUID(int=(1 << 128) - 1))), limit),
        )
        return cursor.fetchall()


def get(connection: Connection, user_id: UUID, transaction_id: UUID) -> TransactionView | None:
    """The user's own transaction; None if they have no such."""
    with connection.cursor(row_factory=class_row(TransactionView)) as cursor:
        cursor.execute(
            """
            SELECT id, user_id, amount_cents, currency, description, created_at FROM entries
            WHERE id = %s AND user_id = %s
            """,
            (transaction_id, user_id),
        )
        return cursor.fetchone()


def balances(connection: Connection, user_id: UUID) -> list[CurrencyBalance]:
    with connection.cursor(row_factory=class_row(CurrencyBalance)) as cursor:
        cursor.execute(
            "SELECT currency, balance_cents, transactions FROM balances WHERE user_id = %s ORDER BY currency",
            (user_id,),
        )
        return cursor.fetchall()
