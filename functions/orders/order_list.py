"""The list of orders: a row for each, updated with every event. It can be rebuilt from the events."""

from datetime import datetime
from uuid import UUID

from psycopg.rows import class_row

from kernel.storage.database import Connection
from kernel.storage.keyset import GREATEST_ID, NEWEST
from orders import model, store
from orders.model import Order
from orders.schemas import ListOrders, OrderSummary

PAGE = 500


def put(connection: Connection, orders: list[Order]) -> None:
    """Insert or update the rows of *orders*, unless a row has a later version. *orders*: sorted by id."""
    connection.execute(
        """
        INSERT INTO order_list AS known (order_id, customer_id, status, amount, currency, version, created_at, updated_at)
        SELECT * FROM unnest(
            %b::uuid[], %b::uuid[], %b::text[], %b::bigint[], %b::text[], %b::int[], %b::timestamptz[], %b::timestamptz[]
        )
        ON CONFLICT (order_id) DO UPDATE SET
            customer_id = excluded.customer_id, status = excluded.status, amount = excluded.amount,
            currency = excluded.currency, version = excluded.version,
            created_at = excluded.created_at, updated_at = excluded.updated_at
        WHERE known.version <= excluded.version
        """,
        (
            [order.order_id for order in orders],
            [order.customer_id for order in orders],
            [order.status for order in orders],
            [order.amount for order in orders],
            [order.currency for order in orders],
            [order.version for order in orders],
            [order.created_at for order in orders],
            [order.updated_at for order in orders],
        ),
    )


def newest(connection: Connection, customer: UUID, page: ListOrders) -> list[OrderSummary]:
    """Return a page of the customer's orders, newest first."""
    after = page.start(tuple[datetime, UUID]) or NEWEST
    with connection.cursor(row_factory=class_row(OrderSummary)) as cursor:
        cursor.execute(
            """
            SELECT order_id, status, amount, currency, created_at, updated_at FROM order_list
            WHERE customer_id = %s AND (%s::text IS NULL OR status = %s)
                AND (created_at, order_id) < (%s::timestamptz, %s::uuid)
            ORDER BY created_at DESC, order_id DESC LIMIT %s
            """,
            (customer, page.status, page.status, *after, page.limit),
        )
        return cursor.fetchall()


def rebuild(connection: Connection, after: UUID) -> tuple[int, UUID | None]:
    """Rebuild the list rows of the next page of orders, which begins after the order *after*.

    Returns how many were rebuilt and the id of the page's last order, or None after the last page.

    Readers see the old rows until the transaction ends. A page is a range of ids, and its events are read after its
    rows are deleted. A concurrent append has either committed, and is read, or puts the order's row afterwards: then
    `put` keeps the later version. A cursor over positions would miss events that commit late.
    """
    end = store.last_of_page(connection, after, PAGE)
    connection.execute("DELETE FROM order_list WHERE order_id > %s AND order_id <= %s", (after, end or GREATEST_ID))
    folded = [
        model.fold(order_id, history) for order_id, history in store.histories(connection, after, end or GREATEST_ID)
    ]
    orders = [order for order in folded if order is not None]
    put(connection, orders)
    return len(orders), end
