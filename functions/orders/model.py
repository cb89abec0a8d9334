"""An order and its rules: its state after each event, and the event that a command or a payment causes.

    created ─► failed ─► paid ─► cancelled ─► refunded

An event moves the order to the right, over any number of states, and never back. So payment events may arrive in any
sequence and any number of times: the last state is the same. Money that arrives for a cancelled order does not make it
paid: the payments domain gives it back. One step leads back: after a failed refund the order is paid or cancelled again.
Partial refunds and disputes leave its state as it is.
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
# A published event has the fields of the stored one, and some of the order.
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
type RefundEvent = PaymentRefunded | PaymentPartiallyRefunded | PaymentRefundFailed


class OrderDispute(Struct, frozen=True, rename="camel"):
    """A customer's complaint at their bank. *status* and *reason*: Stripe's words; `lost` gave them the money back."""

    dispute_id: str
    amount: int
    status: str
    reason: str | None
    is_closed: bool


class Order(Struct, frozen=True, rename="camel"):
    """*amount*: in minor units of *currency*. *version*: the number of its events.

    *amount_refunded*: the total so far. *refund_failure_reason*: why the bank returned the last refund.
    *payment_version*: of the last payment event about refunds that was applied.
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
    """A stored event with its version in the order's history.

    *event_id*: under which it was announced. None in a row from before the store kept it.
    """

    version: int
    recorded_at: datetime
    event: OrderEvent
    event_id: UUID | None = None


def fold(order_id: UUID, history: Iterable[Recorded], order: Order | None = None) -> Order | None:
    """Apply *history* to *order* and return the result, or None if there is neither. *order*: None for a new one."""
    for recorded in history:
        order = evolve(order_id, order, recorded)
    return order


def evolve(order_id: UUID, order: Order | None, recorded: Recorded) -> Order:
    """Apply one event to *order* and return the result. A stored event is a fact: it is not checked again."""
    version, at, event, _ = recorded
    if isinstance(event, OrderCreated):
        return Order(
            order_id, event.customer_id, "created", event.amount, event.currency, event.items, None, version, at, at
        )
    if order is None:
        message = f"The history of the order {order_id} has no beginning."
        raise UnreadableEventError(message)
    return replace(_apply(order, event, at), version=version, updated_at=at)


def _apply(order: Order, event: OrderEvent, at: datetime) -> Order:
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
    """Return the event that cancels the order, or None if it is already cancelled or refunded.

    Raises NotFoundError if it belongs to somebody else, ConflictError if its payment failed.
    """
    if order.customer_id != customer:
        raise NotFoundError("You have no such order.")
    if order.status == "failed":
        raise ConflictError("The payment has failed, so there is nothing to cancel.")
    return _if_later(order, OrderCancelled())


def follow_payment(order: Order, payment: PaymentEvent) -> OrderEvent | None:
    """Return the event that *payment* causes, or None if it changes nothing: a repeated or outdated event."""
    match payment:
        case PaymentFailed():
            return _if_later(order, OrderPaymentFailed(reason=payment.reason))
        case PaymentCompleted():
            return _if_later(order, OrderPaid())
        case PaymentRefunded() | PaymentPartiallyRefunded() | PaymentRefundFailed():
            return _follow_refund(order, payment)
        case PaymentDisputed() | PaymentDisputeClosed():
            return _follow_dispute(order, payment)
    return None


def _follow_refund(order: Order, payment: RefundEvent) -> OrderEvent | None:
    version = payment.version
    if version and version <= order.payment_version:
        return None
    match payment:
        case PaymentPartiallyRefunded():
            return OrderPartiallyRefunded(amount_refunded=payment.amount_refunded, payment_version=version)
        case PaymentRefundFailed(amount_refunded=amount, reason=reason):
            return OrderRefundFailed(amount_refunded=amount, payment_version=version, reason=reason)
    refunded = OrderRefunded(payment_version=version)
    return refunded if version else _if_later(order, refunded)


def _follow_dispute(order: Order, payment: PaymentDisputed | PaymentDisputeClosed) -> OrderEvent | None:
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


def announce(order: Order, event: OrderEvent) -> contracts.OrderEvent:
    """Return the event to publish about *event*. *order*: the order after it."""
    of_order = {"order_id": order.order_id, "amount": order.amount, "customer_id": order.customer_id}
    return CONTRACTS[type(event)](**of_order | asdict(event), version=order.version)


def _if_later[E: OrderEvent](order: Order, event: E) -> E | None:
    """Return *event* if it moves the order to a later state, else None."""
    return event if STATUSES.index(LEADS_TO[type(event)]) > STATUSES.index(order.status) else None
