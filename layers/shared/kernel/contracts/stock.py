"""Reservations of the pieces of orders."""

from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class StockEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the stock events. An order has at most one `StockReserved` or `StockRefused`, and one release."""

    topic: ClassVar[str] = "stock-events"
    key: ClassVar[str] = "order_id"
    source: ClassVar[str] = "/catalog"

    order_id: UUID


class StockReserved(StockEvent, frozen=True, kw_only=True, tag="StockReserved"):
    """All pieces are held for the order, and it may be charged."""


class StockRefused(StockEvent, frozen=True, kw_only=True, tag="StockRefused"):
    """No pieces are held for the order, now or later. *reason*: one word, usually `out_of_stock`."""

    reason: str = "out_of_stock"


class StockReleased(StockEvent, frozen=True, kw_only=True, tag="StockReleased"):
    """The pieces are for sale again. *reason*: `expired`, `cancelled` or `payment_failed`."""

    reason: str
