"""Orders by their events: read by folding, changed by appending."""

from collections.abc import Callable
from uuid import UUID

from kernel.errors import NotFoundError, UnavailableError
from kernel.messaging import outbox
from kernel.storage.database import Connection
from orders import model, order_list, snapshots, store
from orders.events import OrderCreated, OrderEvent
from orders.model import Order

# Each attempt fails only because somebody else's succeeded.
ATTEMPTS = 5


def get(connection: Connection, order_id: UUID) -> Order | None:
    order = snapshots.get(connection, order_id)
    return model.fold(order_id, store.history(connection, order_id, after=order.version if order else 0), order)


def add(connection: Connection, order_id: UUID, event: OrderCreated) -> Order:
    """The new order that begins with *event*."""
    return _append(connection, order_id, None, event) or _too_busy()


def change(connection: Connection, order_id: UUID, decide: Callable[[Order], OrderEvent | None]) -> Order:
    """The order after the event that *decide* makes of it, if any.

    When somebody else changes the order at the same time, *decide* is asked again, of what the order is then.
    Raises NotFoundError if there is none, UnavailableError if others were faster each time, and what *decide* raises.
    """
    for _ in range(ATTEMPTS):
        order = get(connection, order_id)
        if order is None:
            raise NotFoundError("There is no such order.")
        event = decide(order)
        if event is None:
            return order
        if changed := _append(connection, order_id, order, event):
            return changed
    return _too_busy()


def _append(connection: Connection, order_id: UUID, order: Order | None, event: OrderEvent) -> Order | None:
    """The order after *event*, which is in the store, in the list and on its way to others; or None, and nothing is."""
    recorded = store.append(connection, order_id, order.version + 1 if order else 1, event)
    if recorded is None:
        return None
    changed = model.evolve(order_id, order, recorded)
    order_list.put(connection, [changed])
    snapshots.put(connection, changed)
    outbox.add(connection, model.announcement(changed, event))
    return changed


def _too_busy() -> Order:
    raise UnavailableError("Too many change this order at once.")
