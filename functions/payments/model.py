"""The payment of an order and its rules: what is known of it, and what is to be done next.

    open ─► ended ─► taken ─► returned      the money
    wanted ─► cancelled                     the order
    awaited ─► reserved ─► released         the pieces of an order of items, which may be refused as well

News only move them to the right, over any number of places. So it does not matter in which order, or how often, they
arrive: what is known in the end is the same. Stripe never takes money for an intent that it has cancelled, and cancels
none that it has taken money for: *ended* means that nothing was taken, and nothing will be. One step leads back: money
whose refund failed is no longer returned.

Nothing is asked of Stripe while pieces are awaited. Money that was taken for pieces that are not there is given back.
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
    """What was learned of a payment. *waiting_for*: what an open one waits for, by Stripe's word for it.

    *taken_amount*, *taken_currency*: what Stripe took, where it says so. *refunded*: what its charge says was given back.
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
    """*payment_method*: Stripe's name of what is charged; None = the client chooses, and confirms the intent.

    *failure_reason*: why it is given up, unless the money was taken nevertheless. *taken_amount*, *taken_currency*: what
    Stripe took, if it said so. *refunded*: the most that its charge ever said was given back; *amount_refunded* is what
    counts. *version*: how often others were told of money that goes back. *stock*: what the catalog said of the pieces;
    None = nothing yet, or they are not to be reserved.
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
        """What is to be asked of Stripe; None if nothing is, or not now.

        Whether an intent was created may be unknown. It is created again then, under the same key, even if only to be
        cancelled. Without pieces there never was one.
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
        """Whether the client has to do something with Stripe.js, for which it needs the client secret."""
        return self.status in ("requires_payment_method", "requires_action")

    @property
    def awaits_stock(self) -> bool:
        return self.reserves_stock and self.stock is None

    @property
    def lacks_stock(self) -> bool:
        return self.stock in ("refused", "released")

    @property
    def is_cancelled(self) -> bool:
        """Whether its order is. The catalog may have heard of it before we do."""
        return self.cancelled or self.stock_reason == "cancelled"

    @property
    def reason(self) -> str | None:
        """Why it is given up."""
        return self.failure_reason or self.stock_reason

    @property
    def was_taken(self) -> bool:
        return self.money in ("taken", "returned")

    @property
    def mismatched(self) -> bool:
        """Whether Stripe took another amount or currency than the order's, which pays nothing and goes back."""
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
        """Why a refund failed, while there is money that another one could give back."""
        failed = [each.reason or "unknown" for each in self.refunds if each.has_failed]
        return failed[0] if failed and self.money == "taken" else None

    def after(self, news: News) -> "Payment":
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
        return _counted(known) if known.was_taken else known

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
    """The payment of a new order, which has ended if it can never be charged."""
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
    # What is no name of a payment method may be a card's number, which is not ours to keep.
    known = payment_method if refusal != "invalid_payment_method" else None
    return replace(payment, payment_method=known, money="ended", failure_reason=refusal)


def of_cancelled_order(event: OrderCancelled) -> Payment:
    """The payment of an order that was cancelled before anything else was heard of it: there will be none."""
    return Payment(event.order_id, event.customer_id, event.amount, None, None, money="ended", cancelled=True)


def decline(payment: Payment, reason: str) -> News:
    """A refusal by the bank. Where the client confirms it is not the end: another card may do."""
    return News(failure_reason=reason) if payment.payment_method else News(waiting_for="requires_payment_method")


def _counted(payment: Payment) -> Payment:
    """Return the payment with all of its money returned or not, as what was given back adds up.

    Money that was returned once was given back whole, at that moment.
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
