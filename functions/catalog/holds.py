"""The pieces that orders hold, and the rules by which holds begin and end.

    held ─► sold
         └► released

A hold begins once for each order, with all of its items or none, and ends once. An order that is over before it was
heard of has a hold that is released from the beginning: its creation, which comes late, holds nothing.
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
# Why pieces are released, by the event that releases them.
RELEASES: dict[type[OrderEvent], str] = {OrderCancelled: "cancelled", OrderPaymentFailed: "payment_failed"}


class Hold(Struct, frozen=True):
    """*items*: pieces by product. *reason*: why they were released, or never held."""

    state: State
    items: Mapping[UUID, int]
    reason: str | None = None


class Holds:
    """The holds and the stocks that some events concern: as they were, and as they are after each event.

    *stocks*: pieces that are on sale, by product. *told*: what others are told of the holds.
    """

    def __init__(self, holds: Mapping[UUID, Hold], stocks: Mapping[UUID, int]) -> None:
        self.holds = dict(holds)
        self.stocks = dict(stocks)
        self.told: list[StockEvent] = []

    def hear(self, event: OrderEvent) -> None:
        """Begin or end the hold of the event's order, unless that was done before."""
        if isinstance(event, OrderCreated):
            if event.reserves_stock and event.order_id not in self.holds:
                self._begin(event)
        elif isinstance(event, OrderPaid):
            self._sell(event.order_id)
        elif type(event) in RELEASES:
            self.release(event.order_id, RELEASES[type(event)])

    def release(self, order_id: UUID, reason: str) -> None:
        """End the hold that there is and put its pieces on sale again; what is not for sale any more stays so."""
        hold = self.holds.get(order_id, Hold("held", {}))
        if hold.state != "held":
            return
        if order_id in self.holds:
            self.told.append(StockReleased(order_id=order_id, reason=reason))
        self.holds[order_id] = Hold("released", hold.items, reason)
        for product_id, quantity in hold.items.items():
            if product_id in self.stocks:
                self.stocks[product_id] += quantity

    def _begin(self, event: OrderCreated) -> None:
        order_id, items = event.order_id, wanted(event)
        reason = self._refusal(event, items)
        if reason:
            self.holds[order_id] = Hold("released", {}, reason)
            self.told.append(StockRefused(order_id=order_id, reason=reason))
            return
        self.holds[order_id] = Hold("held", items)
        self.told.append(StockReserved(order_id=order_id))
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
    """Return the pieces that the order wants of each product; one that is named twice counts twice."""
    pieces: Counter[UUID] = Counter()
    for item in event.items:
        pieces[item.product_id] += item.quantity
    return dict(pieces)


def begins(event: OrderEvent) -> bool:
    """Whether the event's order has a hold from then on, if it had none."""
    return (isinstance(event, OrderCreated) and event.reserves_stock) or type(event) in RELEASES
