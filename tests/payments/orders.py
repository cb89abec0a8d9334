"""Orders, and what the payments domain knows and says of them."""

from typing import Any
from uuid import UUID

from kernel import ids
from kernel.contracts.orders import OrderCancelled, OrderCreated
from kernel.contracts.stock import StockRefused, StockReleased, StockReserved
from payments import store
from payments.model import News, Payment
from tests.kit import documents
from tests.kit.databases import Database

CARD = "pm_card_visa"


def created(order_id: UUID | None = None, *, amount: int = 500, **more: Any) -> OrderCreated:  # noqa: ANN401 - its fields
    return OrderCreated(order_id=order_id or ids.new(), amount=amount, **more)


def reserving(*, amount: int = 500, **more: Any) -> OrderCreated:  # noqa: ANN401 - its fields
    """An order of items, which is charged once they are reserved."""
    return created(amount=amount, reserves_stock=True, **more)


def reserved(order: OrderCreated) -> StockReserved:
    return StockReserved(order_id=order.order_id)


def refused(order: OrderCreated) -> StockRefused:
    return StockRefused(order_id=order.order_id)


def released(order: OrderCreated, reason: str = "expired") -> StockReleased:
    return StockReleased(order_id=order.order_id, reason=reason)


def cancelled(order: OrderCreated) -> OrderCancelled:
    return OrderCancelled(order_id=order.order_id, amount=order.amount, customer_id=order.customer_id, version=2)


def known(payments: Database, *, payment_method: str | None = CARD, customer_id: UUID | None = None) -> Payment:
    """A payment whose intent was created, and no more."""
    order_id = ids.new()
    payment = Payment(order_id, customer_id, 500, "USD", payment_method)
    news = News(intent_id=f"pi_{order_id.hex}", client_secret=f"pi_{order_id.hex}_secret_{ids.new().hex}")
    if payment_method is None:
        news = news._replace(waiting_for="requires_payment_method")
    with payments.connect("app") as connection:
        store.add(connection, payment)
        store.change(connection, payment, news)
    return payment.after(news)


def cancel(payments: Database, payment: Payment) -> Payment:
    """What is known of *payment* once its order was cancelled."""
    with payments.connect("app") as connection:
        store.change(connection, now(payments, payment), News(cancelled=True))
    return now(payments, payment)


def now(payments: Database, payment: Payment) -> Payment:
    """What is known of *payment* by now."""
    with payments.connect("app") as connection:
        [found] = store.lock(connection, [payment.order_id])
    return found


def status(payments: Database, order_id: UUID) -> str | None:
    with payments.connect("app") as connection:
        return next((payment.status for payment in store.lock(connection, [order_id])), None)


def told(payments: Database, order_id: UUID) -> list[str]:
    """The types of the events that are published of the order's payment, in order."""
    events = documents.events(payments)
    assert {each["topic"] for each in events} <= {"payment-events"}
    return [each["type"] for each in events if each["key"] == str(order_id)]
