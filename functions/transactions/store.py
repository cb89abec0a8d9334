"""The ledger and its balances in Postgres."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row
from psycopg.sql import SQL

from kernel.contracts.transactions import TransactionCreated
from kernel.storage.database import Connection
from kernel.storage.keyset import NEWEST
from transactions.model import TransactionView
from transactions.schemas import CurrencyBalance

COLUMNS = SQL("id, user_id, amount_cents, currency, description, created_at")


def book(connection: Connection, events: list[TransactionCreated]) -> None:
    """Insert the transactions that are not in the ledger yet, and add them to the balances.

    One statement does both, so that a balance is always the sum of its entries. The rows are sorted, so that two
    batches cannot deadlock.
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
    """Return up to *limit* of the user's transactions, newest first.

    *after*: the creation time and the id of the previous page's last transaction.
    """
    with connection.cursor(row_factory=class_row(TransactionView)) as cursor:
        cursor.execute(
            SQL(
                """
                SELECT {} FROM entries
                WHERE user_id = %s AND (created_at, id) < (%s::timestamptz, %s::uuid)
                ORDER BY created_at DESC, id DESC LIMIT %s
                """
            ).format(COLUMNS),
            (user_id, *(after or NEWEST), limit),
        )
        return cursor.fetchall()


def get(connection: Connection, user_id: UUID, transaction_id: UUID) -> TransactionView | None:
    """Return the user's transaction, or None if they have no such transaction."""
    with connection.cursor(row_factory=class_row(TransactionView)) as cursor:
        cursor.execute(
            SQL("SELECT {} FROM entries WHERE id = %s AND user_id = %s").format(COLUMNS), (transaction_id, user_id)
        )
        return cursor.fetchone()


def balances(connection: Connection, user_id: UUID) -> list[CurrencyBalance]:
    """Return the user's balances, sorted by currency."""
    with connection.cursor(row_factory=class_row(CurrencyBalance)) as cursor:
        cursor.execute(
            "SELECT currency, balance_cents, transactions FROM balances WHERE user_id = %s ORDER BY currency",
            (user_id,),
        )
        return cursor.fetchall()
