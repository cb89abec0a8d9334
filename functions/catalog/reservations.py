"""Changes holds and stocks together, and publishes each change, in the caller's transaction."""

from collections.abc import Collection, Mapping
from uuid import UUID

from catalog import cache, hold_store, holds, model, store
from catalog.holds import Hold, Holds
from kernel.contracts.orders import OrderCreated, OrderEvent
from kernel.messaging import outbox
from kernel.storage.database import Connection


def apply(connection: Connection, events: list[OrderEvent]) -> None:
    """Begin and end the holds of the orders in *events*."""
    new = hold_store.begin(connection, {event.order_id for event in events if holds.begins(event)})
    known = hold_store.lock(connection, {event.order_id for event in events} - new)
    wanted = {product_id for event in events if isinstance(event, OrderCreated) for product_id in holds.wanted(event)}
    after = Holds(known, _lock_stocks(connection, known, wanted))
    before = dict(after.stocks)
    for event in events:
        after.apply(event)
    _save(connection, known, before, after)


def release_expired(connection: Connection, minutes: int, limit: int) -> int:
    """Release up to *limit* holds that are older than *minutes*. Returns how many were released."""
    known = hold_store.lock_expired(connection, minutes, limit)
    after = Holds(known, _lock_stocks(connection, known))
    before = dict(after.stocks)
    for order_id in known:
        after.release(order_id, holds.EXPIRED)
    _save(connection, known, before, after)
    return len(known)


def _lock_stocks(connection: Connection, known: Mapping[UUID, Hold], wanted: Collection[UUID] = ()) -> dict[UUID, int]:
    held = {product_id for hold in known.values() for product_id in hold.items}
    return store.lock_stocks(connection, held.union(wanted))


def _save(connection: Connection, known: Mapping[UUID, Hold], before: Mapping[UUID, int], after: Holds) -> None:
    new = {order_id: hold for order_id, hold in after.holds.items() if order_id not in known}
    hold_store.add_items(connection, new)
    changed = {order_id: hold for order_id, hold in after.holds.items() if hold != known.get(order_id)}
    hold_store.end(connection, {order_id: hold for order_id, hold in changed.items() if hold.state != "held"})
    stocks = {product_id: left for product_id, left in after.stocks.items() if left != before[product_id]}
    products = store.save_stocks(connection, stocks)
    cache.forget(product.id for product in products)
    outbox.add_many(connection, [*map(model.announce_updated, products), *after.events])
