"""order-events: hold the items of each new order of items, all or none, until it is paid or over."""

from catalog import reservations
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.orders import OrderCancelled, OrderCreated, OrderEvent, OrderPaid, OrderPaymentFailed
from kernel.messaging import consumer
from kernel.messaging.consumption import Batch
from kernel.storage import cache
from kernel.storage.database import Connection


@consumer.batch("catalog", OrderCreated, OrderPaid, OrderPaymentFailed, OrderCancelled)
def reserve(connection: Connection, events: list[OrderEvent]) -> None:
    reservations.apply(connection, events)


def handler(event: Batch, context: LambdaContext) -> dict[str, list[dict[str, object]]]:
    with cache.postponed():
        return reserve(event, context)
