"""Outcomes of the payments of orders."""

from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class PaymentEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the payment events.

    *amount*: of the order.
    *customer_id*: the payer. Absent for a guest's order.
    """

    topic: ClassVar[str] = "payment-events"
    key: ClassVar[str] = "order_id"
    source: ClassVar[str] = "/payments"

    order_id: UUID
    amount: int
    customer_id: UUID | None = None


class PaymentCompleted(PaymentEvent, frozen=True, kw_only=True, tag="PaymentCompleted"):
    """The order was charged."""


class PaymentFailed(PaymentEvent, frozen=True, kw_only=True, tag="PaymentFailed"):
    """The payment failed, and nothing was charged. *reason*: the bank's, as one word (Stripe's decline code)."""

    reason: str | None = None


class LaterPaymentEvent(PaymentEvent, frozen=True, kw_only=True, tag_field="type"):
    """The base of events that may follow a completed payment, more than once.

    *version*: counts the payment's events since its completion, from 1. Of two events the higher one is the later.
    0: published by an older release.
    *currency*: of all amounts in the event, which are in its minor units.
    """

    version: int = 0
    currency: str | None = None


class PaymentRefunded(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentRefunded"):
    """The payment was refunded in full."""


class PaymentPartiallyRefunded(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentPartiallyRefunded"):
    """The payment was refunded in part. *amount_refunded*: total so far."""

    amount_refunded: int


class PaymentRefundFailed(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentRefundFailed"):
    """The customer's bank refused a refund: the customer must be paid in another way.

    *refund_amount*: of this refund.
    *amount_refunded*: total without it.
    *reason*: Stripe's, as one word.
    """

    refund_id: str
    refund_amount: int
    amount_refunded: int
    reason: str | None = None


class PaymentDisputed(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentDisputed"):
    """The customer's bank claims the money back, or inquires about the payment.

    *status*: Stripe's word for the stage of the dispute.
    *reason*: Stripe's word for the customer's complaint.
    """

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


class PaymentDisputeClosed(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentDisputeClosed"):
    """The bank decided a dispute. *status*: `won` and `warning_closed` change nothing. After `lost` the customer has the money."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None
