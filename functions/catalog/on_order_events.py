"""order-events: hold the items of each new order, all or none, until it is paid or ends."""

from catalog import reservations
from kernel.contracts.orders import OrderCancelled, OrderCreated, OrderEvent, OrderPaid, OrderPaymentFailed
from kernel.messaging import consumer
from kernel.storage.database import Connection


@consumer.batch(
    OrderCreated,
    OrderPaid,
    OrderPaymentFailed,
    OrderCancelled,
    ignores_replays=True,
    idempotent_without_inbox=True,
)
def handler(connection: Connection, events: list[OrderEvent]) -> None:
    reservations.apply(connection, events)
