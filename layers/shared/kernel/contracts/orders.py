"""Changes of orders: the public part of an order's history."""

from typing import ClassVar
from uuid import UUID

from msgspec import Struct

from kernel.contracts.event import Event


class OrderItem(Struct, frozen=True, rename="camel"):
    """One line of an order. *unit_price_cents*: price of one piece at the time of the order, in minor units."""

    product_id: UUID
    name: str
    quantity: int
    unit_price_cents: int


class OrderEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the order events.

    *amount*: in minor units of the order's currency.
    *customer_id*: absent for a guest's order.
    *version*: the event's position in the order's history, from 1.
    """

    topic: ClassVar[str] = "order-events"
    key: ClassVar[str] = "order_id"
    source: ClassVar[str] = "/orders"

    order_id: UUID
    amount: int
    customer_id: UUID | None = None
    version: int = 1


class OrderCreated(OrderEvent, frozen=True, kw_only=True, tag="OrderCreated"):
    """An order was placed.

    *items*: empty if the order is for an amount alone.
    *payment_method*: Stripe's id of the payment method, if one was given.
    *reserves_stock*: it is charged only after `StockReserved` (`kernel.contracts.stock`), and fails without.
    """

    currency: str = "USD"
    items: tuple[OrderItem, ...] = ()
    payment_method: str | None = None
    reserves_stock: bool = False


class OrderPaid(OrderEvent, frozen=True, kw_only=True, tag="OrderPaid"):
    """The order was paid."""


class OrderPaymentFailed(OrderEvent, frozen=True, kw_only=True, tag="OrderPaymentFailed"):
    """The payment failed. The order ends, unless the customer pays in another way later. *reason*: one word."""

    reason: str | None = None


class OrderCancelled(OrderEvent, frozen=True, kw_only=True, tag="OrderCancelled"):
    """The order was cancelled. What was paid must be refunded."""


class OrderRefunded(OrderEvent, frozen=True, kw_only=True, tag="OrderRefunded"):
    """The order was refunded in full. *payment_version*: version of the payment's event. 0: of an older release."""

    payment_version: int = 0


class OrderPartiallyRefunded(OrderEvent, frozen=True, kw_only=True, tag="OrderPartiallyRefunded"):
    """The order was refunded in part. *amount_refunded*: total so far."""

    amount_refunded: int
    payment_version: int


class OrderRefundFailed(OrderEvent, frozen=True, kw_only=True, tag="OrderRefundFailed"):
    """A refund was returned by the bank. *amount_refunded*: total without it."""

    amount_refunded: int
    payment_version: int
    reason: str | None = None


class OrderDisputed(OrderEvent, frozen=True, kw_only=True, tag="OrderDisputed"):
    """The customer disputes *disputed_amount* at the bank. *status*, *reason*: Stripe's words."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


class OrderDisputeClosed(OrderEvent, frozen=True, kw_only=True, tag="OrderDisputeClosed"):
    """The bank decided a dispute. *status*: `won` and `warning_closed` change nothing. After `lost` the customer has the money."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None
