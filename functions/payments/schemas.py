"""The shapes of the payments API's responses."""

from typing import Self
from uuid import UUID

from msgspec import Struct

from payments.disputes import Dispute
from payments.model import Payment, Status


class DisputeView(Struct, frozen=True, rename="camel"):
    """A customer's complaint at their bank. *status* and *reason*: Stripe's words; `won` leaves us the money."""

    dispute_id: str
    status: str
    amount: int
    currency: str
    reason: str | None
    funds_withdrawn: bool

    @classmethod
    def of(cls, dispute: Dispute) -> Self:
        withdrawn = dispute.withdrawn and not dispute.reinstated
        return cls(dispute.id, dispute.status, dispute.amount, dispute.currency, dispute.reason, withdrawn)


class PaymentView(Struct, frozen=True, rename="camel"):
    """*amount*: in minor units of *currency*. *client_secret*: for Stripe.js, while the client has to act.

    *status*: `awaiting_stock` until the catalog has reserved the order's items; nothing is charged before.
    *failure_reason*: why it failed, as one word (Stripe's decline code, `out_of_stock`, `expired`).
    *amount_refunded*: the total so far.
    *refund_failure_reason*: why the bank returned a refund, while we still have the money.
    """

    order_id: UUID
    status: Status
    amount: int
    currency: str | None
    client_secret: str | None
    failure_reason: str | None
    amount_refunded: int
    refund_failure_reason: str | None
    disputes: list[DisputeView]

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls(
            payment.order_id,
            payment.status,
            payment.amount,
            payment.currency,
            payment.client_secret if payment.is_the_clients else None,
            payment.reason if payment.status == "failed" else None,
            payment.amount_refunded,
            payment.refund_failure_reason,
            [DisputeView.of(each) for each in payment.disputes],
        )


class Received(Struct, frozen=True):
    """The event was accepted, and need not be sent again."""

    received: bool = True
