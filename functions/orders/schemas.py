"""The shapes of the orders API's requests and responses."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

import msgspec
from msgspec import Meta, Struct

from kernel.currencies import LARGEST_AMOUNT
from kernel.texts import CurrencyCode
from kernel.web.pages import Page
from orders.model import Order, Recorded, Status


class ItemWanted(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """*price_cents*: of one piece, as the client saw it. The order is refused if the price has changed."""

    product_id: UUID
    quantity: Annotated[int, Meta(ge=1, le=999)]
    price_cents: Annotated[int, Meta(ge=0)] | None = None


class CreateOrder(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Either *amount*, in minor units of *currency* (USD by default), or *items*, at their products' prices.

    *payment_method*: Stripe's id of it, which the client creates with Stripe.js; no card data passes through us.
    """

    amount: Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)] | None = None
    currency: CurrencyCode | None = None
    items: Annotated[tuple[ItemWanted, ...], Meta(min_length=1, max_length=50)] | None = None
    payment_method: Annotated[str, Meta(pattern=r"^pm_[A-Za-z0-9_]{1,200}$(?!\n)")] | None = None


class PlacedOrder(Order, frozen=True):
    """*token*: for a guest, who reads the order with it in the header `Order-Token`. It is not shown again."""

    token: str | None = None


class ListOrders(Page, frozen=True):
    """*status*: list only orders with this status."""

    status: Status | None = None


class OrderSummary(Struct, frozen=True, rename="camel"):
    """An order in a list."""

    order_id: UUID
    status: Status
    amount: int
    currency: str
    created_at: datetime
    updated_at: datetime

    def position(self) -> tuple[object, ...]:
        """Return its place in the list, where the next page begins."""
        return (self.created_at, self.order_id)


class HistoryEntry(Struct, frozen=True, rename="camel"):
    """One event of an order. *data*: depends on the type."""

    version: int
    type: str
    data: dict[str, Any]
    recorded_at: datetime

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        """Return the entry of a stored event, without the payment method, which clients need not see."""
        data = msgspec.to_builtins(recorded.event)
        data.pop("paymentMethod", None)
        return cls(recorded.version, type(recorded.event).__name__, data, recorded.recorded_at)

    def position(self) -> tuple[object, ...]:
        """Return its place in the list, where the next page begins."""
        return (self.version,)
