"""An order and its rules: what it is after each event, and which event a command or a payment leads to.

    created ─► failed ─► paid ─► cancelled ─► refunded

An event leads on to the right, over any number of states, and never back. So it does not matter in which order, or
how often, the news of a payment arrives: the last state is the same. Money that comes for a cancelled order does not
make it paid: payments, who know that it is cancelled, give it back. One step leads back: an order whose refund failed is
what it was before, cancelled or paid. Parts of its money that go back, and disputes, leave its state as it is.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict, replace

from kernel.contracts import orders as contracts
from kernel.contracts.orders import OrderItem
from kernel.contracts.payments import (
    PaymentCompleted,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentEvent,
    PaymentFailed,
    PaymentPartiallyRefunded,
    PaymentRefunded,
    PaymentRefundFailed,
)
from kernel.errors import ConflictError, NotFoundError
from orders.events import (
    OrderCancelled,
    OrderCreated,
    OrderDisputeClosed,
    OrderDisputed,
    OrderEvent,
    OrderPaid,
    OrderPartiallyRefunded,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRefundFailed,
    UnreadableEventError,
)

Status = Literal["created", "failed", "paid", "cancelled", "refunded"]
STATUSES: tuple[Status, ...] = get_args(Status)
LEADS_TO: dict[type[OrderEvent], Status] = {
    OrderCreated: "created",
    OrderPaymentFailed: "failed",
    OrderPaid: "paid",
    OrderCancelled: "cancelled",
    OrderRefunded: "refunded",
}
# What others are told has the fields of what is stored, besides the order's.
CONTRACTS: dict[type[OrderEvent], Callable[..., contracts.OrderEvent]] = {
    OrderCreated: contracts.OrderCreated,
    OrderPaymentFailed: contracts.OrderPaymentFailed,
    OrderPaid: contracts.OrderPaid,
    OrderCancelled: contracts.OrderCancelled,
    OrderRefunded: contracts.OrderRefunded,
    OrderPartiallyRefunded: contracts.OrderPartiallyRefunded,
    OrderRefundFailed: contracts.OrderRefundFailed,
    OrderDisputed: contracts.OrderDisputed,
    OrderDisputeClosed: contracts.OrderDisputeClosed,
}
type MoneyBack = PaymentRefunded | PaymentPartiallyRefunded | PaymentRefundFailed


class OrderDispute(Struct, frozen=True, rename="camel"):
    """A customer's complaint at their bank. *status* and *reason*: Stripe's words; `lost` gave them the money back."""

    dispute_id: str
    amount: int
    status: str
    reason: str | None
    is_closed: bool


class Order(Struct, frozen=True, rename="camel"):
    """*amount*: in minor units of *currency*. *version*: how many events it is made of.

    *amount_refunded*: what was given back so far. *refund_failure_reason*: why the last refund came back from the bank.
    *payment_version*: up to where payments' news of money that goes back are known.
    """

    order_id: UUID
    customer_id: UUID | None
    status: Status
    amount: int
    currency: str
    items: tuple[OrderItem, ...]
    failure_reason: str | None
    version: int
    created_at: datetime
    updated_at: datetime
    amount_refunded: int = 0
    refund_failure_reason: str | None = None
    disputes: tuple[OrderDispute, ...] = ()
    cancelled_at: datetime | None = None
    payment_version: int = 0


class Recorded(NamedTuple):
    """An event in its place in an order's history."""

    version: int
    recorded_at: datetime
    event: OrderEvent


def fold(order_id: UUID, history: Iterable[Recorded], order: Order | None = None) -> Order | None:
    """What *order* (None: nothing) is after *history*."""
    for recorded in history:
        order = evolve(order_id, order, recorded)
    return order


def evolve(order_id: UUID, order: Order | None, recorded: Recorded) -> Order:
    """What the order is after one more event. Facts are not argued with: what is allowed was decided before."""
    version, at, event = recorded
    if isinstance(event, OrderCreated):
        return Order(
            order_id, event.customer_id, "created", event.amount, event.currency, event.items, None, version, at, at
        )
    if order is None:
        message = f"The history of the order {order_id} has no beginning."
        raise UnreadableEventError(message)
    return replace(_changed(order, event, at), version=version, updated_at=at)


def _changed(order: Order, event: OrderEvent, at: datetime) -> Order:
    match event:
        case OrderPartiallyRefunded(amount_refunded=amount, payment_version=known):
            return replace(order, amount_refunded=amount, payment_version=known)
        case OrderRefundFailed(amount_refunded=amount, payment_version=known, reason=reason):
            before: Status = "cancelled" if order.cancelled_at else "paid"
            status = before if order.status == "refunded" else order.status
            failed = reason or "unknown"
            return replace(
                order, status=status, amount_refunded=amount, refund_failure_reason=failed, payment_version=known
            )
        case OrderDisputed(dispute_id=name) | OrderDisputeClosed(dispute_id=name):
            closed = isinstance(event, OrderDisputeClosed)
            dispute = OrderDispute(name, event.disputed_amount, event.status, event.reason, closed)
            others = (each for each in order.disputes if each.dispute_id != name)
            return replace(order, disputes=(*others, dispute))
    order = replace(order, status=LEADS_TO[type(event)], failure_reason=getattr(event, "reason", None))
    match event:
        case OrderCancelled():
            return replace(order, cancelled_at=at)
        case OrderRefunded(payment_version=known):
            return replace(order, amount_refunded=order.amount, refund_failure_reason=None, payment_version=known)
    return order


def cancel(order: Order, customer: UUID) -> OrderCancelled | None:
    """None if it is over already. Raises NotFoundError if it is not the customer's, ConflictError if it failed."""
    if order.customer_id != customer:
        raise NotFoundError("You have no such order.")
    if order.status == "failed":
        raise ConflictError("The payment was refused, so nothing is left to be cancelled.")
    return _if_news(order, OrderCancelled())


def hear(order: Order, payment: PaymentEvent) -> OrderEvent | None:
    """What became of the payment, or None if that changes nothing (any more)."""
    match payment:
        case PaymentFailed():
            return _if_news(order, OrderPaymentFailed(reason=payment.reason))
        case PaymentCompleted():
            return _if_news(order, OrderPaid())
        case PaymentRefunded() | PaymentPartiallyRefunded() | PaymentRefundFailed():
            return _hear_of_money_back(order, payment)
        case PaymentDisputed() | PaymentDisputeClosed():
            return _hear_of_dispute(order, payment)
    return None


def _hear_of_money_back(order: Order, payment: MoneyBack) -> OrderEvent | None:
    version = payment.version
    if version and version <= order.payment_version:
        return None
    match payment:
        case PaymentPartiallyRefunded():
            return OrderPartiallyRefunded(amount_refunded=payment.amount_refunded, payment_version=version)
        case PaymentRefundFailed(amount_refunded=amount, reason=reason):
            return OrderRefundFailed(amount_refunded=amount, payment_version=version, reason=reason)
    refunded = OrderRefunded(payment_version=version)
    return refunded if version else _if_news(order, refunded)


def _hear_of_dispute(order: Order, payment: PaymentDisputed | PaymentDisputeClosed) -> OrderEvent | None:
    known = next((each for each in order.disputes if each.dispute_id == payment.dispute_id), None)
    event = OrderDisputed if isinstance(payment, PaymentDisputed) else OrderDisputeClosed
    if known and (event is OrderDisputed or (known.is_closed and known.status == payment.status)):
        return None
    return event(
        dispute_id=payment.dispute_id,
        disputed_amount=payment.disputed_amount,
        status=payment.status,
        reason=payment.reason,
    )


def announcement(order: Order, event: OrderEvent) -> contracts.OrderEvent:
    """What others are told of *event*, after which the order is *order*."""
    of_order = {"order_id": order.order_id, "amount": order.amount, "customer_id": order.customer_id}
    return CONTRACTS[type(event)](**of_order | asdict(event), version=order.version)


def _if_news[E: OrderEvent](order: Order, event: E) -> E | None:
    """*event*, if it leads on from where the order is."""
    return event if STATUSES.index(LEADS_TO[type(event)]) > STATUSES.index(order.status) else None
