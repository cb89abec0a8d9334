"""The payment of an order and its rules: its state, and the next step at Stripe.

    open ─► ended ─► taken ─► returned      the money
    wanted ─► cancelled                     the order
    awaited ─► reserved ─► released         the pieces of an order of items, which may also be refused

News only move them to the right, over any number of places. So news may arrive in any sequence and any number of times:
the last state is the same. Stripe never takes money for a cancelled intent, and never cancels one that has taken money:
*ended* means that nothing was taken, and nothing will be. One step leads back: after a failed refund, returned money
counts as taken again.

Nothing is sent to Stripe while pieces are awaited. Money that was taken for missing pieces is given back.
"""

import re
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from kernel import currencies
from kernel.contracts.orders import OrderCancelled, OrderCreated
from payments import disputes, pieces, refunds
from payments.disputes import Dispute
from payments.pieces import Answer, Stock
from payments.refunds import Refund

Money = Literal["open", "ended", "taken", "returned"]
Waiting = Literal["requires_payment_method", "requires_action", "processing"]
Ours = Literal["awaiting_stock", "pending", "cancelling", "refunding"]
Settled = Literal["completed", "failed", "cancelled", "refunded", "refund_failed", "charged_back"]
Status = Literal[Ours, Waiting, Settled]
Step = Literal["abandon", "create", "confirm", "cancel", "refund"]

PLACES: tuple[Money, ...] = get_args(Money)
MISMATCH = "amount_mismatch"
PAYMENT_METHOD = re.compile(r"(?:pm|card|src)_[A-Za-z0-9_]{1,250}")


class News(NamedTuple):
    """New facts about a payment. *waiting_for*: what an open one waits for, in Stripe's words.

    *taken_amount*, *taken_currency*: the charge, if Stripe has stated it. *refunded*: the total that the charge states.
    """

    money: Money = "open"
    cancelled: bool = False
    failure_reason: str | None = None
    waiting_for: Waiting | None = None
    intent_id: str | None = None
    client_secret: str | None = None
    taken_amount: int | None = None
    taken_currency: str | None = None
    refunded: int = 0
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    answer: Answer = Answer()


class Payment(Struct, frozen=True):
    """The payment of one order.

    *payment_method*: Stripe's id of it; None if the client chooses one and confirms the intent.
    *failure_reason*: why the payment is given up. It has no effect once the money was taken.
    *taken_amount*, *taken_currency*: the charge, if Stripe has stated it.
    *refunded*: the highest total that the charge has stated; `amount_refunded` is the one that counts.
    *version*: the number of published events about refunds and disputes.
    *stock*: the catalog's answer about the pieces; None before it, or if none are reserved.
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
    taken_amount: int | None = None
    taken_currency: str | None = None
    refunded: int = 0
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()
    version: int = 0
    reserves_stock: bool = False
    stock: Stock | None = None
    stock_reason: str | None = None

    @property
    def status(self) -> Status:
        match self.money:
            case "returned":
                return self._status_of_nothing if self.mismatched else "refunded"
            case "taken":
                return self._status_of_taken
            case "ended":
                return self._status_of_nothing
        if self.cancelled or self.failure_reason or self.lacks_stock:
            return "cancelling"
        if self.awaits_stock:
            return "awaiting_stock"
        return self.waiting_for or "pending"

    @property
    def next_step(self) -> Step | None:
        """The next step at Stripe, or None if there is none at present.

        If it is unknown whether an intent was created, it is created again under the same key, even if only to be
        cancelled. Without pieces there never was an intent.
        """
        match self.status:
            case "pending":
                return "confirm" if self.intent_id else "create"
            case "cancelling" if self.intent_id:
                return "cancel"
            case "cancelling":
                return "abandon" if self.awaits_stock or self.stock == "refused" else "create"
            case "refunding" if not any(each.forbids_refunds for each in self.disputes):
                return "refund"
        return None

    @property
    def is_the_clients(self) -> bool:
        """Whether the client has to act with Stripe.js, for which it needs the client secret."""
        return self.status in ("requires_payment_method", "requires_action")

    @property
    def awaits_stock(self) -> bool:
        return self.reserves_stock and self.stock is None

    @property
    def lacks_stock(self) -> bool:
        return self.stock in ("refused", "released")

    @property
    def is_cancelled(self) -> bool:
        """Whether the order is cancelled. The catalog may know it before we do."""
        return self.cancelled or self.stock_reason == "cancelled"

    @property
    def reason(self) -> str | None:
        """Why the payment is given up."""
        return self.failure_reason or self.stock_reason

    @property
    def was_taken(self) -> bool:
        return self.money in ("taken", "returned")

    @property
    def mismatched(self) -> bool:
        """Whether Stripe took another amount or currency than the order's. Such money pays nothing and is returned."""
        taken = (self.taken_amount, self.taken_currency)
        return self.taken_amount is not None and taken != (self.amount, self.currency)

    @property
    def is_completed(self) -> bool:
        return self.was_taken and not self.mismatched

    @property
    def has_failed(self) -> bool:
        return (self.money == "ended" or (self.was_taken and self.mismatched)) and not self.is_cancelled

    @property
    def amount_refunded(self) -> int:
        return refunds.total(self.refunds, self.refunded)

    @property
    def refund_failure_reason(self) -> str | None:
        """Why a refund failed, while there is still money to give back."""
        failed = [each.reason or "unknown" for each in self.refunds if each.has_failed]
        return failed[0] if failed and self.money == "taken" else None

    def after(self, news: News) -> "Payment":
        """Return the payment with *news* applied."""
        answer = Answer(self.stock, self.stock_reason)
        stock, stock_reason = pieces.merge(answer, news.answer) if self.reserves_stock else answer
        known = replace(
            self,
            money=max(self.money, news.money, key=PLACES.index),
            cancelled=self.cancelled or news.cancelled,
            failure_reason=self.failure_reason or news.failure_reason,
            waiting_for=news.waiting_for or self.waiting_for,
            intent_id=self.intent_id or news.intent_id,
            client_secret=self.client_secret or news.client_secret,
            taken_amount=news.taken_amount if self.taken_amount is None else self.taken_amount,
            taken_currency=self.taken_currency or news.taken_currency,
            refunded=max(self.refunded, news.refunded),
            refunds=refunds.merge(self.refunds, news.refunds),
            disputes=disputes.merge(self.disputes, news.disputes),
            stock=stock,
            stock_reason=stock_reason,
        )
        return _count_refunds(known) if known.was_taken else known

    @property
    def _status_of_nothing(self) -> Status:
        return "cancelled" if self.is_cancelled else "failed"

    @property
    def _status_of_taken(self) -> Status:
        if any(each.is_closed and each.forbids_refunds for each in self.disputes):
            return "charged_back"
        if not (self.cancelled or self.mismatched or self.lacks_stock):
            return "completed"
        return "refund_failed" if self.refund_failure_reason else "refunding"


def of_order(event: OrderCreated, usual_payment_method: str | None) -> Payment:
    """Return the payment of a new order. It has ended if it can never be charged."""
    payment_method = event.payment_method or usual_payment_method
    payment = Payment(
        event.order_id,
        event.customer_id,
        event.amount,
        event.currency.upper(),
        payment_method,
        reserves_stock=event.reserves_stock,
    )
    refusal = _refusal(payment)
    if refusal is None:
        return payment
    # A malformed id may be a card's number, which must not be stored.
    known = payment_method if refusal != "invalid_payment_method" else None
    return replace(payment, payment_method=known, money="ended", failure_reason=refusal)


def of_cancelled_order(event: OrderCancelled) -> Payment:
    """Return the payment of an order whose cancellation arrived first: it has ended."""
    return Payment(event.order_id, event.customer_id, event.amount, None, None, money="ended", cancelled=True)


def decline(payment: Payment, reason: str) -> News:
    """Return the news of a refusal by the bank. If the client confirms, it is not final: another card may work."""
    return News(failure_reason=reason) if payment.payment_method else News(waiting_for="requires_payment_method")


def _count_refunds(payment: Payment) -> Payment:
    """Return the payment with its money *returned* if the refunds add up to all of it, else *taken*.

    If it counted as returned once, all of it was given back at that moment.
    """
    whole = payment.amount if payment.taken_amount is None else payment.taken_amount
    refunded = max(payment.refunded, whole) if payment.money == "returned" else payment.refunded
    money: Money = "returned" if refunds.total(payment.refunds, refunded) >= whole else "taken"
    reason = MISMATCH if payment.mismatched else payment.failure_reason
    return replace(payment, money=money, refunded=refunded, failure_reason=reason)


def _refusal(payment: Payment) -> str | None:
    currency = payment.currency or ""
    for problem in currencies.charge_problems(payment.amount, currency):
        return f"invalid_{problem.path}"
    if not 0 < payment.amount <= currencies.LARGEST_AMOUNT:
        return "invalid_amount"
    if payment.payment_method is not None and not PAYMENT_METHOD.fullmatch(payment.payment_method):
        return "invalid_payment_method"
    return None
