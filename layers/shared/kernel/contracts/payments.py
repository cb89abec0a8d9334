"""What became of the payment of an order."""

from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


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


class LaterPaymentEvent(PaymentEvent, frozen=True, kw_only=True, tag_field="type"):
    """The base of what may follow a completed payment, more than once.

    *version*: counts what was told of the payment since it was completed, from 1; of two events the higher one is the
    later. 0: told by an older release. *currency*: of all amounts in the event, in its minor units.
    """

    version: int = 0
    currency: str | None = None


class PaymentRefunded(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentRefunded"):
    """All of the money was given back."""


class PaymentPartiallyRefunded(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentPartiallyRefunded"):
    """A part of the money was given back. *amount_refunded*: all that was given back so far."""

    amount_refunded: int


class PaymentRefundFailed(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentRefundFailed"):
    """The customer's bank did not take a refund: the customer needs the money in another way.

    *refund_amount*: of this refund. *amount_refunded*: what is given back without it. *reason*: Stripe's, as one word.
    """

    refund_id: str
    refund_amount: int
    amount_refunded: int
    reason: str | None = None


class PaymentDisputed(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentDisputed"):
    """The customer's bank asks for the money back, or about the payment.

    *status*: Stripe's word for how far it is, *reason* for what the customer told the bank.
    """

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None


class PaymentDisputeClosed(LaterPaymentEvent, frozen=True, kw_only=True, tag="PaymentDisputeClosed"):
    """The bank decided. *status*: `won` and `warning_closed` leave the payment as it is; `lost` gave the money back."""

    dispute_id: str
    disputed_amount: int
    status: str
    reason: str | None = None
