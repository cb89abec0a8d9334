"""Orders by their events: reading folds the events, changing appends one."""

from collections.abc import Callable
from uuid import UUID

from kernel.errors import NotFoundError, UnavailableError
from kernel.messaging import outbox
from kernel.storage.database import Connection
from orders import model, order_list, snapshots, store
from orders.events import OrderCreated, OrderEvent
from orders.model import Order

# An attempt fails only if another one has succeeded.
ATTEMPTS = 5
TOO_BUSY = "The order is being changed by too many requests. Try again."


def get(connection: Connection, order_id: UUID) -> Order | None:
    """Return the order, or None if it does not exist."""
    order = snapshots.get(connection, order_id)
    return model.fold(order_id, store.history(connection, order_id, after=order.version if order else 0), order)


def add(connection: Connection, order_id: UUID, event: OrderCreated) -> Order:
    """Create the order that begins with *event*, and return it. Raises UnavailableError if *order_id* is taken."""
    order = _append(connection, order_id, None, event)
    if order is None:
        raise UnavailableError(TOO_BUSY)
    return order


def change(connection: Connection, order_id: UUID, decide: Callable[[Order], OrderEvent | None]) -> Order:
    """Append the event that *decide* returns for the order, and return the order after it.

    If *decide* returns None, the order stays as it is. If another change was committed meanwhile, *decide* is called
    again with the order as it is then.
    Raises NotFoundError if there is no such order, UnavailableError after five such retries, and what *decide* raises.
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
    raise UnavailableError(TOO_BUSY)


def _append(connection: Connection, order_id: UUID, order: Order | None, event: OrderEvent) -> Order | None:
    """Append *event*, update the list and the snapshot, and queue its announcement.

    Returns the changed order, or None (nothing written) if another append won.
    """
    recorded = store.append(connection, order_id, order.version + 1 if order else 1, event)
    if recorded is None:
        return None
    changed = model.evolve(order_id, order, recorded)
    order_list.put(connection, [changed])
    snapshots.put(connection, changed)
    outbox.add(connection, model.announce(changed, event), recorded.event_id)
    return changed
