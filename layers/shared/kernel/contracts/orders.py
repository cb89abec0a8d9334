"""What happens to an order, in the order's own words: the part of its history that others may know."""

from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from kernel.contracts.event import Event


class OrderItem(Struct, frozen=True, rename="camel"):
    """*unit_price_cents*: what one piece cost when it was ordered, in minor units of the order's currency."""

    product_id: UUID
    name: str
    quantity: int
    unit_price_cents: int


class OrderEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the order events.

    *amount*: in minor units of the order's currency. *customer_id*: absent for a guest's order. *version*: the
    event's place in the order's history, from 1.
    """

    topic: ClassVar[str] = "order-events"
    key: ClassVar[str] = "order_id"
    source: ClassVar[str] = "/orders"

    order_id: UUID
    amount: int
    customer_id: UUID | None = None
    version: int = 1


class OrderCreated(OrderEvent, frozen=True, kw_only=True, tag="OrderCreated"):
    """*items*: none where the order is for an amount alone. *payment_method*: Stripe's name of it, if one was given.

    *reserves_stock*: it is charged only after `StockReserved` (`kernel.contracts.stock`), and fails without.
    """

    currency: str = "USD"
    items: tuple[OrderItem, ...] = ()
    payment_method: str | None = None
    reserves_stock: bool = False


class OrderPaid(OrderEvent, frozen=True, kw_only=True, tag="OrderPaid"):
    """The money was taken."""


class OrderPaymentFailed(OrderEvent, frozen=True, kw_only=True, tag="OrderPaymentFailed"):
    """The money was refused. It is over, unless the customer pays in another way after all."""

    reason: str | None = None


class OrderCancelled(OrderEvent, frozen=True, kw_only=True, tag="OrderCancelled"):
    """Its customer no longer wants it; what was paid is to be given back."""


class OrderRefunded(OrderEvent, frozen=True, kw_only=True, tag="OrderRefunded"):
    """All of the money was given back. *payment_version*: of the payment's event that told it; 0: of an older release."""

    payment_version: int = 0


class OrderPartiallyRefunded(OrderEvent, frozen=True, kw_only=True, tag="OrderPartiallyRefunded"):
    """A part of the money was given back. *amount_refunded*: all that was given back so far."""

    amount_refunded: int
    payment_version: int


class OrderRefundFailed(OrderEvent, frozen=True, kw_only=True, tag="OrderRefundFailed"):
    """A refund came back from the bank; *amount_refunded*: what is given back without it."""

    amount_refunded: int
    payment_version: int
    reason: str | None = None


class OrderDisputed(OrderEvent, frozen=True, kw_only=True, tag="OrderDisputed"):
    """The customer told the bank that they do not owe *disputed_amount*. *status*, *reason*: Stripe's words."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


class OrderDisputeClosed(OrderEvent, frozen=True, kw_only=True, tag="OrderDisputeClosed"):
    """The bank decided. *status*: `won` and `warning_closed` change nothing; `lost` gave the customer the money back."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None
