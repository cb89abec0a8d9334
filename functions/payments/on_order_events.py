"""order-events: charge each new order once; a cancelled one is not charged, or its money is given back.

An order that reserves its pieces is charged when the catalog has told that it holds them (`payments.on_stock_events`).
"""

import os

from kernel.contracts.orders import OrderCancelled, OrderCreated, OrderEvent
from kernel.storage.database import Connection
from payments import model, store
from payments.consumers import settled
from payments.model import News


@settled(OrderCreated, OrderCancelled)
def handler(connection: Connection, order: OrderEvent) -> None:
    if isinstance(order, OrderCreated):
        store.add(connection, model.of_order(order, os.environ.get("DEFAULT_PAYMENT_METHOD") or None))
    elif isinstance(order, OrderCancelled):
        store.add(connection, model.of_cancelled_order(order))
        [payment] = store.lock(connection, [order.order_id])
        store.change(connection, payment, News(cancelled=True))
