"""What Stripe promises, without a server: an intent takes money once, and none that is cancelled."""

from typing import TYPE_CHECKING

from payments import gateway
from payments.model import News, Payment, Step

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

DECLINED = "pm_declined"


class StripeInMemory:
    """*charges* and *refunds*: how often money was taken, and given back, for each order."""

    def __init__(self) -> None:
        self.money: dict[UUID, str] = {}
        self.charges: dict[UUID, int] = {}
        self.refunds: dict[UUID, int] = {}
        self.steps: dict[Step, Callable[[Payment], News]] = {
            **gateway.STEPS,
            "create": self.create,
            "confirm": self.confirm,
            "cancel": self.cancel,
            "refund": self.refund,
        }

    def create(self, payment: Payment) -> News:
        self.money.setdefault(payment.order_id, "open")
        return self.look(payment)

    def confirm(self, payment: Payment) -> News:
        if payment.payment_method == DECLINED:
            return News(failure_reason="insufficient_funds")
        if self.money[payment.order_id] == "open":
            self.money[payment.order_id] = "taken"
            self.charges[payment.order_id] = self.charges.get(payment.order_id, 0) + 1
        return self.look(payment)

    def cancel(self, payment: Payment) -> News:
        if self.money[payment.order_id] == "open":
            self.money[payment.order_id] = "ended"
        return self.look(payment)

    def refund(self, payment: Payment) -> News:
        if self.money[payment.order_id] == "taken":
            self.money[payment.order_id] = "returned"
            self.refunds[payment.order_id] = self.refunds.get(payment.order_id, 0) + 1
        return News(money="returned")

    def look(self, payment: Payment) -> News:
        money = self.money[payment.order_id]
        return News(money=money, intent_id=f"pi_{payment.order_id.hex}")  # type: ignore[arg-type]  # one of these words
