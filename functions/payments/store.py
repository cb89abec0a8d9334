"""Payments in Postgres. A change locks the payment first, and queues its events in the same transaction."""

from collections.abc import Iterable
from uuid import UUID

import msgspec
from msgspec.structs import asdict
from psycopg.rows import kwargs_row
from psycopg.sql import SQL, Identifier, Placeholder
from psycopg.types.json import Jsonb

from kernel.messaging import outbox
from kernel.storage.database import Connection
from payments import pieces
from payments.announcements import announce
from payments.model import News, Payment
from payments.pieces import Answer

LISTS = ("refunds", "disputes")
PAYMENT = kwargs_row(lambda **row: msgspec.convert(row, Payment))
# The order determines these fields for good. All others change with the news of the payment.
FIXED = ("order_id", "customer_id", "amount", "currency", "payment_method", "reserves_stock")
FIELDS = Payment.__struct_fields__
COLUMNS = SQL(", ").join(Identifier("payments", field) for field in FIELDS)
ADDED = SQL(", ").join(map(Identifier, FIELDS))
VALUES = SQL(", ").join(map(Placeholder, FIELDS))
CHANGES = SQL(", ").join(
    SQL("{} = {}").format(Identifier(field), Placeholder(field))
    for field in (*FIELDS, "refund_due")
    if field not in FIXED
)


def add(connection: Connection, payment: Payment) -> None:
    """Insert the payment of an order, with the answers about its pieces that arrived before it.

    If the payment exists, only its currency is set, which it lacks if the order's cancellation arrived first.
    """
    if payment.reserves_stock:
        payment = payment.after(News(answer=_add_answer(connection, payment.order_id, Answer())))
    added = connection.execute(
        SQL(
            """
            INSERT INTO payments ({}) VALUES ({})
            ON CONFLICT (order_id) DO UPDATE SET currency = excluded.currency WHERE payments.currency IS NULL
            RETURNING xmax = 0
            """
        ).format(ADDED, VALUES),
        _row(payment),
    ).fetchone()
    if added == (True,):
        _, events = announce(None, payment)
        outbox.add_many(connection, events)


def add_answer(connection: Connection, order_id: UUID, answer: Answer) -> None:
    """Store the catalog's answer about the order's pieces, and apply it to the payment if there is one."""
    known = _add_answer(connection, order_id, answer)
    for payment in lock(connection, [order_id]):
        change(connection, payment, News(answer=known))


def get(connection: Connection, customer_id: UUID, order_id: UUID) -> Payment | None:
    """Return the payment of the customer's order, or None if they have no such order."""
    with connection.cursor(row_factory=PAYMENT) as cursor:
        query = SQL("SELECT {} FROM payments WHERE order_id = %s AND customer_id = %s").format(COLUMNS)
        cursor.execute(query, (order_id, customer_id))
        return cursor.fetchone()


def lock(connection: Connection, order_ids: Iterable[UUID]) -> list[Payment]:
    """Lock the payments that exist until the transaction ends, and return them. Sorted, to exclude deadlocks."""
    with connection.cursor(row_factory=PAYMENT) as cursor:
        query = SQL("SELECT {} FROM payments WHERE order_id = ANY(%s) ORDER BY order_id FOR UPDATE").format(COLUMNS)
        cursor.execute(query, (list(order_ids),))
        return cursor.fetchall()


def lock_by_intent(connection: Connection, intent_id: str) -> Payment | None:
    """Lock the payment of Stripe's intent and return it, or None if it is not one of ours."""
    found = connection.execute("SELECT order_id FROM payments WHERE intent_id = %s", (intent_id,)).fetchone()
    return lock(connection, found)[0] if found else None


def change(connection: Connection, payment: Payment, news: News) -> bool:
    """Apply *news* to the locked *payment* and queue its events. Returns False if nothing changes."""
    after = payment.after(news)
    if after == payment:
        return False
    after, events = announce(payment, after)
    connection.execute(SQL("UPDATE payments SET {} WHERE order_id = %(order_id)s").format(CHANGES), _row(after))
    outbox.add_many(connection, events)
    return True


def look_soon(connection: Connection, payment: Payment) -> None:
    """Let the next reconciliation look at *payment*, unless it is settled."""
    connection.execute("UPDATE payments SET checked_at = '-infinity' WHERE order_id = %s", (payment.order_id,))


def claim_unsettled(connection: Connection, minutes: int, limit: int) -> list[Payment]:
    """Claim up to *limit* payments that are not settled and have not been claimed for *minutes*.

    Payments that await their pieces are left out: Stripe does not know them.
    """
    with connection.cursor(row_factory=PAYMENT) as cursor:
        cursor.execute(
            SQL(
                """
                WITH unsettled AS (
                    SELECT order_id FROM payments
                    WHERE (money = 'open' OR refund_due)
                        AND NOT (reserves_stock AND stock IS NULL AND NOT cancelled AND failure_reason IS NULL)
                        AND checked_at < now() - interval '1 minute' * %s
                    ORDER BY checked_at LIMIT %s FOR UPDATE SKIP LOCKED
                )
                UPDATE payments SET checked_at = now() FROM unsettled WHERE payments.order_id = unsettled.order_id
                RETURNING {}
                """
            ).format(COLUMNS),
            (minutes, limit),
        )
        return cursor.fetchall()


def expire(connection: Connection, hours: int) -> None:
    """Give up the payments that have waited for their client or their pieces for *hours*."""
    connection.execute(
        """
        UPDATE payments SET failure_reason = 'expired'
        WHERE money = 'open' AND failure_reason IS NULL
            AND (waiting_for IN ('requires_payment_method', 'requires_action') OR (reserves_stock AND stock IS NULL))
            AND created_at < now() - interval '1 hour' * %s
        """,
        (hours,),
    )


def _add_answer(connection: Connection, order_id: UUID, answer: Answer) -> Answer:
    """Lock the order's stored answer, merge *answer* into it, and return the result.

    The row is inserted if it is missing, so that adding a payment and adding an answer wait for each other.
    """
    connection.execute("INSERT INTO stock_answers (order_id) VALUES (%s) ON CONFLICT DO NOTHING", (order_id,))
    [row] = connection.execute("SELECT stock, reason FROM stock_answers WHERE order_id = %s FOR UPDATE", (order_id,))
    known = pieces.merge(Answer(*row), answer)
    connection.execute("UPDATE stock_answers SET stock = %s, reason = %s WHERE order_id = %s", (*known, order_id))
    return known


def _row(payment: Payment) -> dict[str, object]:
    lists = {name: Jsonb(msgspec.to_builtins(getattr(payment, name))) for name in LISTS}
    return asdict(payment) | lists | {"refund_due": payment.next_step == "refund"}
