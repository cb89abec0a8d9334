"""The pieces that are held for orders, and the rules by which holds begin and end.

    held ─► sold
         └► released

A hold begins once for each order, with all of its items or none, and ends once. Events may arrive late: if the end of
an order is known before its creation, its hold is released from the start, and the creation then holds nothing.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Literal
from uuid import UUID

from msgspec import Struct

from kernel.contracts.orders import OrderCancelled, OrderCreated, OrderEvent, OrderPaid, OrderPaymentFailed
from kernel.contracts.stock import StockEvent, StockRefused, StockReleased, StockReserved

State = Literal["held", "sold", "released"]
OUT_OF_STOCK, INVALID, EXPIRED = "out_of_stock", "invalid_items", "expired"
# The reason of a release, by the event that causes it.
RELEASES: dict[type[OrderEvent], str] = {OrderCancelled: "cancelled", OrderPaymentFailed: "payment_failed"}


class Hold(Struct, frozen=True):
    """*items*: pieces by product. *reason*: why they were released, or not held at all."""

    state: State
    items: Mapping[UUID, int]
    reason: str | None = None


class Holds:
    """The holds and the stocks that some events concern, kept up to date with each event.

    *stocks*: pieces on sale, by product.
    *events*: what is to be published about the holds.
    """

    def __init__(self, holds: Mapping[UUID, Hold], stocks: Mapping[UUID, int]) -> None:
        self.holds = dict(holds)
        self.stocks = dict(stocks)
        self.events: list[StockEvent] = []

    def apply(self, event: OrderEvent) -> None:
        """Begin or end the hold of the event's order. A repeated event changes nothing."""
        if isinstance(event, OrderCreated):
            if event.reserves_stock and event.order_id not in self.holds:
                self._begin(event)
        elif isinstance(event, OrderPaid):
            self._sell(event.order_id)
        elif type(event) in RELEASES:
            self.release(event.order_id, RELEASES[type(event)])

    def release(self, order_id: UUID, reason: str) -> None:
        """End the hold, if there is one, and put its pieces on sale again. Deleted products get none back."""
        hold = self.holds.get(order_id, Hold("held", {}))
        if hold.state != "held":
            return
        if order_id in self.holds:
            self.events.append(StockReleased(order_id=order_id, reason=reason))
        self.holds[order_id] = Hold("released", hold.items, reason)
        for product_id, quantity in hold.items.items():
            if product_id in self.stocks:
                self.stocks[product_id] += quantity

    def _begin(self, event: OrderCreated) -> None:
        order_id, items = event.order_id, wanted(event)
        reason = self._refusal(event, items)
        if reason:
            self.holds[order_id] = Hold("released", {}, reason)
            self.events.append(StockRefused(order_id=order_id, reason=reason))
            return
        self.holds[order_id] = Hold("held", items)
        self.events.append(StockReserved(order_id=order_id))
        for product_id, quantity in items.items():
            self.stocks[product_id] -= quantity

    def _refusal(self, event: OrderCreated, items: Mapping[UUID, int]) -> str | None:
        if any(item.quantity < 1 for item in event.items):
            return INVALID
        missing = any(quantity > self.stocks.get(product_id, 0) for product_id, quantity in items.items())
        return OUT_OF_STOCK if missing else None

    def _sell(self, order_id: UUID) -> None:
        hold = self.holds.get(order_id)
        if hold and hold.state == "held":
            self.holds[order_id] = Hold("sold", hold.items)


def wanted(event: OrderCreated) -> dict[UUID, int]:
    """Return how many pieces of each product the order wants. A product that is listed twice counts twice."""
    pieces: Counter[UUID] = Counter()
    for item in event.items:
        pieces[item.product_id] += item.quantity
    return dict(pieces)


def begins(event: OrderEvent) -> bool:
    """Return whether *event* gives its order a hold if it has none."""
    return (isinstance(event, OrderCreated) and event.reserves_stock) or type(event) in RELEASES
