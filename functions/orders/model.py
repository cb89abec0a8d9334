"""An order and its rules: what it is after each event, and which event a command or a payment leads to.

    created ─► failed ─► paid ─► cancelled ─► refunded

An event leads on to the right, over any number of states, and never back. So it does not matter in which order, or
how often, the news of a payment arrives: the last state is the same. Money that comes for a cancelled order does not
make it paid: payments, who know that it is cancelled, give it back.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal, NamedTuple, get_args
from uuid import UUID

from msgspec import Struct
from msgspec.structs import asdict, replace

from kernel.contracts import orders as contracts
from kernel.contracts.orders import OrderItem
from kernel.contracts.payments import PaymentCompleted, PaymentEvent, PaymentFailed
from kernel.errors import ConflictError, NotFoundError
from orders.events import (
    OrderCancelled,
    OrderCreated,
    OrderEvent,
    OrderPaid,
    OrderPaymentFailed,
    OrderRefunded,
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
}


class Order(Struct, frozen=True, rename="camel"):
    """*amount*: in minor units of *currency*. *version*: how many events it is made of."""

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
    reason = event.reason if isinstance(event, OrderPaymentFailed) else None
    return replace(order, status=LEADS_TO[type(event)], failure_reason=reason, version=version, updated_at=at)


def cancel(order: Order, customer: UUID) -> OrderCancelled | None:
    """None if it is over already. Raises NotFoundError if it is not the customer's, ConflictError if it failed."""
    if order.customer_id != customer:
        raise NotFoundError("You have no such order.")
    if order.status == "failed":
        raise ConflictError("The payment was refused, so nothing is left to be cancelled.")
    return _if_news(order, OrderCancelled())


def hear(order: Order, payment: PaymentEvent) -> OrderEvent | None:
    """What became of the payment, or None if that changes nothing (any more)."""
    if isinstance(payment, PaymentFailed):
        return _if_news(order, OrderPaymentFailed(reason=payment.reason))
    return _if_news(order, OrderPaid() if isinstance(payment, PaymentCompleted) else OrderRefunded())


def announcement(order: Order, event: OrderEvent) -> contracts.OrderEvent:
    """What others are told of *event*, after which the order is *order*."""
    of_order = {"order_id": order.order_id, "amount": order.amount, "customer_id": order.customer_id}
    return CONTRACTS[type(event)](**of_order | asdict(event), version=order.version)


def _if_news[E: OrderEvent](order: Order, event: E) -> E | None:
    """*event*, if it leads on from where the order is."""
    return event if STATUSES.index(LEADS_TO[type(event)]) > STATUSES.index(order.status) else None
