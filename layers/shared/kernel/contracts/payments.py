"""What became of the payment of an order."""

from typing import ClassVar
from uuid import UUID

from kernel.events import Event


class PaymentEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the payment events.

    *amount*: as the order states it. *customer_id*: who pays; absent where the order has no account.
    """

    topic: ClassVar[str] = "payment-events"
    key: ClassVar[str] = "order_id"
    source: ClassVar[str] = "/payments"

    order_id: UUID
    amount: int
    customer_id: UUID | None = None


class PaymentCompleted(PaymentEvent, frozen=True, kw_only=True, tag="PaymentCompleted"):
    """The money was taken."""


class PaymentFailed(PaymentEvent, frozen=True, kw_only=True, tag="PaymentFailed"):
    """The money was refused; nothing was taken. *reason*: the bank's, as one word (Stripe's decline code)."""

    reason: str | None = None


class PaymentRefunded(PaymentEvent, frozen=True, kw_only=True, tag="PaymentRefunded"):
    """The money was given back."""
