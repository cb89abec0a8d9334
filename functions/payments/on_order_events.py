"""order-events: charge each new order once. A cancelled order is not charged, or its payment is refunded.

An order that reserves its pieces is charged once the catalog holds them (`payments.on_stock_events`).
"""

import os
from collections.abc import Sequence

from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.orders import OrderCancelled, OrderCreated, OrderEvent
from kernel.messaging import consumer
from kernel.messaging.deliveries import Delivery, Failures
from kernel.storage.database import Connection
from payments import model, settlement, store
from payments.model import News


def keep(connection: Connection, order: OrderEvent) -> None:
    """Add the payment of a new order, or cancel the payment of a cancelled one."""
    if isinstance(order, OrderCreated):
        store.add(connection, model.of_order(order, os.environ.get("DEFAULT_PAYMENT_METHOD") or None))
    elif isinstance(order, OrderCancelled):
        store.add(connection, model.of_cancelled_order(order))
        [payment] = store.lock(connection, [order.order_id])
        store.change(connection, payment, News(cancelled=True))


def settle(delivered: Sequence[Delivery[OrderEvent]], context: LambdaContext) -> Failures:
    """Store the events and settle the payments of their orders. Returns the failures by event."""
    return settlement.keep_and_settle(delivered, keep, context)


@consumer.each(OrderCreated, OrderCancelled, before=settle, ignores_replays=True, idempotent_without_inbox=True)
def handler(_connection: Connection, _order: OrderEvent) -> None:
    """Acknowledge the event: its payment is settled."""
