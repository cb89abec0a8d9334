"""The payment of an order and its rules: what is known of it, what is to be done next, and what others are told.

    open ─► ended ─► taken ─► returned      the money
    wanted ─► cancelled                     the order

News only move them to the right, over any number of places. So it does not matter in which order, or how often, they
arrive: what is known in the end is the same. Stripe never takes money for an intent that it has cancelled, and cancels
none that it has taken money for: *ended* means that nothing was taken, and nothing will be.
"""

import re
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from kernel import currencies
from kernel.contracts.orders import OrderCancelled, OrderCreated
from kernel.contracts.payments import PaymentCompleted, PaymentEvent, PaymentFailed, PaymentRefunded

Money = Literal["open", "ended", "taken", "returned"]
Waiting = Literal["requires_payment_method", "requires_action", "processing"]
Ours = Literal["pending", "cancelling", "refunding"]
Settled = Literal["completed", "failed", "cancelled", "refunded"]
Status = Literal[Ours, Waiting, Settled]
Step = Literal["create", "confirm", "cancel", "refund"]

PLACES: tuple[Money, ...] = get_args(Money)
PAYMENT_METHOD = re.compile(r"(?:pm|card|src)_[A-Za-z0-9_]{1,250}")


class News(NamedTuple):
    """What was learned of a payment. *waiting_for*: what an open one waits for, by Stripe's word for it."""

    money: Money = "open"
    cancelled: bool = False
    failure_reason: str | None = None
    waiting_for: Waiting | None = None
    intent_id: str | None = None
    client_secret: str | None = None


class Payment(Struct, frozen=True):
    """*payment_method*: Stripe's name of what is charged; None = the client chooses, and confirms the intent.

    *failure_reason*: why it is given up, unless the money was taken nevertheless.
    """

    order_id: UUID
    customer_id: UUID | None
    amount: int
    currency: str | None
    payment_method: str | None
    intent_id: str | None = None
    client_secret: str | None = None
    money: Money = "open"
    cancelled: bool = False
    failure_reason: str | None = None
    waiting_for: Waiting | None = None

    @property
    def status(self) -> Status:
        match self.money:
            case "returned":
                return "refunded"
            case "taken":
                return "refunding" if self.cancelled else "completed"
            case "ended":
                return "cancelled" if self.cancelled else "failed"
        if self.cancelled or self.failure_reason:
            return "cancelling"
        return self.waiting_for or "pending"

    @property
    def next_step(self) -> Step | None:
        """What is to be asked of Stripe; None if nothing is, or not now.

        Whether an intent was created may be unknown. It is created again then, under the same key, even if only to be
        cancelled.
        """
        match self.status:
            case "pending":
                return "confirm" if self.intent_id else "create"
            case "cancelling":
                return "cancel" if self.intent_id else "create"
            case "refunding":
                return "refund"
        return None

    @property
    def is_the_clients(self) -> bool:
        """Whether the client has to do something with Stripe.js, for which it needs the client secret."""
        return self.status in ("requires_payment_method", "requires_action")

    def after(self, news: News) -> "Payment":
        return replace(
            self,
            money=max(self.money, news.money, key=PLACES.index),
            cancelled=self.cancelled or news.cancelled,
            failure_reason=self.failure_reason or news.failure_reason,
            waiting_for=news.waiting_for or self.waiting_for,
            intent_id=self.intent_id or news.intent_id,
            client_secret=self.client_secret or news.client_secret,
        )


def of_order(event: OrderCreated, usual_payment_method: str | None) -> Payment:
    """The payment of a new order, which has ended if it can never be charged."""
    payment_method = event.payment_method or usual_payment_method
    payment = Payment(event.order_id, event.customer_id, event.amount, event.currency.upper(), payment_method)
    refusal = _refusal(payment)
    if refusal is None:
        return payment
    # What is no name of a payment method may be a card's number, which is not ours to keep.
    known = payment_method if refusal != "invalid_payment_method" else None
    return replace(payment, payment_method=known, money="ended", failure_reason=refusal)


def of_cancelled_order(event: OrderCancelled) -> Payment:
    """The payment of an order that was cancelled before anything else was heard of it: there will be none."""
    return Payment(event.order_id, event.customer_id, event.amount, None, None, money="ended", cancelled=True)


def decline(payment: Payment, reason: str) -> News:
    """A refusal by the bank. Where the client confirms it is not the end: another card may do."""
    return News(failure_reason=reason) if payment.payment_method else News(waiting_for="requires_payment_method")


def announcements(before: Money, payment: Payment) -> list[PaymentEvent]:
    """What others are told when the money has moved on from *before* to where it is."""
    passed = PLACES[PLACES.index(before) + 1 : PLACES.index(payment.money) + 1]
    order_id, amount, customer_id = payment.order_id, payment.amount, payment.customer_id
    told: list[PaymentEvent] = []
    if passed and payment.status == "failed":
        reason = payment.failure_reason
        told.append(PaymentFailed(order_id=order_id, amount=amount, customer_id=customer_id, reason=reason))
    if "taken" in passed:
        told.append(PaymentCompleted(order_id=order_id, amount=amount, customer_id=customer_id))
    if "returned" in passed:
        told.append(PaymentRefunded(order_id=order_id, amount=amount, customer_id=customer_id))
    return told


def _refusal(payment: Payment) -> str | None:
    currency = payment.currency or ""
    if currencies.refuse_currency(currency):
        return "invalid_currency"
    if not 0 < payment.amount <= currencies.LARGEST_AMOUNT or currencies.refuse_amount(payment.amount, currency):
        return "invalid_amount"
    if payment.payment_method is not None and not PAYMENT_METHOD.fullmatch(payment.payment_method):
        return "invalid_payment_method"
    return None
