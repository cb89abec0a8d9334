"""What the payments API gives."""

from typing import Self
from uuid import UUID

from msgspec import Struct

from payments.model import Payment, Status


class PaymentView(Struct, frozen=True, rename="camel"):
    """*amount*: in minor units of *currency*. *client_secret*: for Stripe.js, while the client has to do something.

    *failure_reason*: why it failed, as one word (Stripe's decline code, for instance).
    """

    order_id: UUID
    status: Status
    amount: int
    currency: str | None
    client_secret: str | None
    failure_reason: str | None

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls(
            payment.order_id,
            payment.status,
            payment.amount,
            payment.currency,
            payment.client_secret if payment.is_the_clients else None,
            payment.failure_reason if payment.status == "failed" else None,
        )


class Received(Struct, frozen=True):
    """The event need not be sent again."""

    received: bool = True
