"""The domain events of an order as they are stored: never edited, and readable for ever.

When the shape of a type changes, increment its schema version and add an upcaster here, which converts the version
before to the new one. All other modules know the current shapes only.
"""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from kernel.contracts.orders import OrderItem


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of the stored events. The store has the name of the class as the type, so it must not change."""

    schema_version: ClassVar[int] = 1


class OrderCreated(OrderEvent, frozen=True, kw_only=True):
    """The order was placed.

    *amount*: in minor units of *currency*.
    *customer_id*: None for a guest.
    *items*: empty for an order of an amount.
    *reserves_stock*: the order is charged only once the catalog holds its items.
    """

    schema_version: ClassVar[int] = 3

    amount: int
    currency: str
    customer_id: UUID | None = None
    items: tuple[OrderItem, ...] = ()
    payment_method: str | None = None
    reserves_stock: bool = False


class OrderPaid(OrderEvent, frozen=True, kw_only=True):
    """The money was taken."""


class OrderPaymentFailed(OrderEvent, frozen=True, kw_only=True):
    """The money was refused. *reason*: the bank's, or None if unknown."""

    reason: str | None = None


class OrderCancelled(OrderEvent, frozen=True, kw_only=True):
    """The customer cancelled the order."""


class OrderRefunded(OrderEvent, frozen=True, kw_only=True):
    """All of the money was given back. *payment_version*: of the payment's event; 0 from an older release."""

    schema_version: ClassVar[int] = 2

    payment_version: int = 0


class OrderPartiallyRefunded(OrderEvent, frozen=True, kw_only=True):
    """A part of the money was given back. *amount_refunded*: the total so far."""

    amount_refunded: int
    payment_version: int


class OrderRefundFailed(OrderEvent, frozen=True, kw_only=True):
    """The bank returned a refund. *amount_refunded*: the total without it. *reason*: the bank's."""

    amount_refunded: int
    payment_version: int
    reason: str | None = None


class OrderDisputed(OrderEvent, frozen=True, kw_only=True):
    """The customer disputed the charge at their bank. *status*, *reason*: Stripe's words."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


class OrderDisputeClosed(OrderEvent, frozen=True, kw_only=True):
    """The bank decided. *status*: `lost` gave the customer the money back; `won` and `warning_closed` change nothing."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


type Data = dict[str, Any]

TYPES: dict[str, type[OrderEvent]] = {each.__name__: each for each in OrderEvent.__subclasses__()}


def _with_currency(data: Data) -> Data:
    """Add the currency. The first orders were all in US dollars."""
    return {**data, "currency": "USD"}


def _without_reservation(data: Data) -> Data:
    """Add that no stock is reserved. Older orders were charged without checking it."""
    return {**data, "reservesStock": False}


# By type and the schema version that they convert.
UPCASTERS: dict[tuple[str, int], Callable[[Data], Data]] = {
    ("OrderCreated", 1): _with_currency,
    ("OrderCreated", 2): _without_reservation,
    # The first refunds had no payment version. Its default, 0, says so.
    ("OrderRefunded", 1): dict,
}


class UnreadableEventError(Exception):
    """A stored event has an unknown type or schema version."""


def decode(name: str, schema_version: int, data: Data) -> OrderEvent:
    """Return the event of a stored row in its current version. Raises UnreadableEventError."""
    while upcast := UPCASTERS.get((name, schema_version)):
        data, schema_version = upcast(data), schema_version + 1
    contract = TYPES.get(name)
    if contract is None or contract.schema_version != schema_version:
        message = f"This release cannot read {name} of schema version {schema_version}."
        raise UnreadableEventError(message)
    return msgspec.convert(data, contract)
