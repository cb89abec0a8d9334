"""stock-events: charge an order when its pieces are held. Without them it is not charged, or it is refunded."""

from collections.abc import Sequence

from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.stock import StockEvent, StockRefused, StockReleased, StockReserved
from kernel.messaging import consumer
from kernel.messaging.deliveries import Delivery, Failures
from kernel.storage.database import Connection
from payments import pieces, settlement, store


def keep(connection: Connection, event: StockEvent) -> None:
    """Add the catalog's answer to the order's payment."""
    store.add_answer(connection, event.order_id, pieces.read(event))


def settle(delivered: Sequence[Delivery[StockEvent]], context: LambdaContext) -> Failures:
    """Store the answers and settle the payments of their orders. Returns the failures by event."""
    return settlement.keep_and_settle(delivered, keep, context)


@consumer.each(
    StockReserved, StockRefused, StockReleased, before=settle, ignores_replays=True, idempotent_without_inbox=True
)
def handler(_connection: Connection, _event: StockEvent) -> None:
    """Acknowledge the event: its payment is settled."""
