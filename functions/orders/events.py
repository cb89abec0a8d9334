"""The facts that an order is made of, as they are stored: never edited, and readable for ever.

When the shape of a type changes, its schema version is counted up, and an upcaster is added here that makes of the
version before what the new one would have been. Everything else knows the current shapes only.
"""

from collections.abc import Callable
from typing import Any, ClassVar
from uuid import UUID

import msgspec

from kernel.contracts.orders import OrderItem


class OrderEvent(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The base of the stored events. A class's name is its type in the store, and may not be changed."""

    schema_version: ClassVar[int] = 1


class OrderCreated(OrderEvent, frozen=True, kw_only=True):
    """*amount*: in minor units of *currency*. *customer_id*: None of a guest's. *items*: none for an amount alone.

    *reserves_stock*: it is charged only once the catalog holds its items.
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
    """The money was refused; *reason*: the bank's, if it told one."""

    reason: str | None = None


class OrderCancelled(OrderEvent, frozen=True, kw_only=True):
    """Its customer no longer wants it."""


class OrderRefunded(OrderEvent, frozen=True, kw_only=True):
    """All of the money was given back. *payment_version*: of what payments told; 0: told by an older release."""

    schema_version: ClassVar[int] = 2

    payment_version: int = 0


class OrderPartiallyRefunded(OrderEvent, frozen=True, kw_only=True):
    """A part of the money was given back. *amount_refunded*: all that was given back so far."""

    amount_refunded: int
    payment_version: int


class OrderRefundFailed(OrderEvent, frozen=True, kw_only=True):
    """A refund came back from the bank. *amount_refunded*: what is given back without it; *reason*: the bank's."""

    amount_refunded: int
    payment_version: int
    reason: str | None = None


class OrderDisputed(OrderEvent, frozen=True, kw_only=True):
    """The customer told the bank that they do not owe *disputed_amount*. *status* and *reason* are Stripe's words."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


class OrderDisputeClosed(OrderEvent, frozen=True, kw_only=True):
    """The bank decided. *status*: `won` and `warning_closed` change nothing; `lost` gave the customer the money back."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


type Data = dict[str, Any]

TYPES: dict[str, type[OrderEvent]] = {each.__name__: each for each in OrderEvent.__subclasses__()}


def _with_currency(data: Data) -> Data:
    """The first orders were all for an amount of US dollars."""
    return {**data, "currency": "USD"}


def _without_reservation(data: Data) -> Data:
    """Orders were charged without a look at the stock."""
    return {**data, "reservesStock": False}


# By type and the schema version that they lead on from.
UPCASTERS: dict[tuple[str, int], Callable[[Data], Data]] = {
    ("OrderCreated", 1): _with_currency,
    ("OrderCreated", 2): _without_reservation,
    # The first refunds had no number, which is what 0 says.
    ("OrderRefunded", 1): dict,
}


class UnreadableEventError(Exception):
    """A stored event is of a later release, or of none."""


def decode(name: str, schema_version: int, data: Data) -> OrderEvent:
    """The event of a stored row, brought to its current version. Raises UnreadableEventError."""
    while upcast := UPCASTERS.get((name, schema_version)):
        data, schema_version = upcast(data), schema_version + 1
    contract = TYPES.get(name)
    if contract is None or contract.schema_version != schema_version:
        message = f"This release cannot read {name} of schema version {schema_version}."
        raise UnreadableEventError(message)
    return msgspec.convert(data, contract)
