"""stock-events: charge an order when its pieces are held; without them it is not charged, or its money is given back."""

from kernel.contracts.stock import StockEvent, StockRefused, StockReleased, StockReserved
from kernel.storage.database import Connection
from payments import pieces, store
from payments.consumers import settled


@settled(StockReserved, StockRefused, StockReleased)
def handler(connection: Connection, event: StockEvent) -> None:
    store.add_answer(connection, event.order_id, pieces.read(event))
