"""Holds in Postgres. To exclude deadlocks, holds are locked before products, and each kind in the order of ids."""

from collections.abc import Collection, Mapping
from uuid import UUID

from catalog.holds import Hold
from kernel.storage.database import Connection


def begin(connection: Connection, order_ids: Collection[UUID]) -> set[UUID]:
    """Insert a hold without items for each order that has none. Returns these orders.

    Another transaction that inserts one of them waits until this one ends.
    """
    found = connection.execute(
        """
        INSERT INTO holds (order_id) SELECT order_id FROM unnest(%s::uuid[]) AS order_id ORDER BY order_id
        ON CONFLICT DO NOTHING RETURNING order_id
        """,
        (list(order_ids),),
    )
    return {order_id for (order_id,) in found}


def lock(connection: Connection, order_ids: Collection[UUID]) -> dict[UUID, Hold]:
    """Lock the holds of the orders until the transaction ends, and return them."""
    found = connection.execute(
        "SELECT order_id, state, reason FROM holds WHERE order_id = ANY(%s) ORDER BY order_id FOR UPDATE",
        (list(order_ids),),
    ).fetchall()
    items = _items(connection, [order_id for order_id, state, _ in found if state == "held"])
    return {order_id: Hold(state, items.get(order_id, {}), reason) for order_id, state, reason in found}


def lock_expired(connection: Connection, minutes: int, limit: int) -> dict[UUID, Hold]:
    """Lock up to *limit* holds that are older than *minutes*, and return them. Skips those that others have locked."""
    found = connection.execute(
        """
        SELECT order_id FROM holds
        WHERE state = 'held' AND created_at < now() - interval '1 minute' * %s
        ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED
        """,
        (minutes, limit),
    ).fetchall()
    items = _items(connection, [order_id for (order_id,) in found])
    return {order_id: Hold("held", items.get(order_id, {})) for (order_id,) in found}


def add_items(connection: Connection, holds: Mapping[UUID, Hold]) -> None:
    """Insert the items of new holds."""
    rows = [(order_id, *item) for order_id, hold in holds.items() for item in hold.items.items()]
    connection.execute(
        """
        INSERT INTO hold_items (order_id, product_id, quantity)
        SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::int[])
        """,
        tuple([row[place] for row in rows] for place in range(3)),
    )


def end(connection: Connection, holds: Mapping[UUID, Hold]) -> None:
    """Store the end of holds."""
    connection.execute(
        """
        UPDATE holds SET state = ended.state, reason = ended.reason, ended_at = now()
        FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS ended (order_id, state, reason)
        WHERE holds.order_id = ended.order_id
        """,
        (list(holds), [hold.state for hold in holds.values()], [hold.reason for hold in holds.values()]),
    )


def _items(connection: Connection, order_ids: list[UUID]) -> dict[UUID, dict[UUID, int]]:
    items: dict[UUID, dict[UUID, int]] = {}
    for order_id, product_id, quantity in connection.execute(
        "SELECT order_id, product_id, quantity FROM hold_items WHERE order_id = ANY(%s)", (order_ids,)
    ):
        items.setdefault(order_id, {})[product_id] = quantity
    return items
