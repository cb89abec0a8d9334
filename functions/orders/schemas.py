"""What the orders API takes and gives."""

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
    """*price_cents*: of one piece, as the client saw it; if it is another by now, the order is refused."""

    product_id: UUID
    quantity: Annotated[int, Meta(ge=1, le=999)]
    price_cents: Annotated[int, Meta(ge=0)] | None = None


class CreateOrder(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Either *amount*, in minor units of *currency* (None: USD), or *items*, which have their products' prices.

    *payment_method*: Stripe's name of it, which the client made with Stripe.js; no card data passes through us.
    """

    amount: Annotated[int, Meta(ge=1, le=LARGEST_AMOUNT)] | None = None
    currency: CurrencyCode | None = None
    items: Annotated[tuple[ItemWanted, ...], Meta(min_length=1, max_length=50)] | None = None
    payment_method: Annotated[str, Meta(pattern=r"^pm_[A-Za-z0-9_]{1,200}$(?!\n)")] | None = None


class PlacedOrder(Order, frozen=True):
    """*token*: with which a guest reads the order, in the header `Order-Token`; it is not shown again."""

    token: str | None = None


class ListOrders(Page, frozen=True):
    """*status*: only the orders that have it."""

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
        """Its place in the list's order, where the next page begins."""
        return (self.created_at, self.order_id)


class HistoryEntry(Struct, frozen=True, rename="camel"):
    """One event of an order; *data*: what it tells, which depends on its type."""

    version: int
    type: str
    data: dict[str, Any]
    recorded_at: datetime

    @classmethod
    def of(cls, recorded: Recorded) -> Self:
        """How its payment method is called is between the order and whoever charges it."""
        data = msgspec.to_builtins(recorded.event)
        data.pop("paymentMethod", None)
        return cls(recorded.version, type(recorded.event).__name__, data, recorded.recorded_at)

    def position(self) -> tuple[object, ...]:
        """Return its place in the order's history, where the next page begins."""
        return (self.version,)
