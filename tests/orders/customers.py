"""Customers and guests who place, read and cancel orders, and what payments and the catalog tell of them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

from kernel.contracts.catalog import ProductCreated, ProductState
from kernel.contracts.payments import PaymentCompleted, PaymentEvent, PaymentFailed, PaymentRefunded
from orders import (
    cancel_order,
    create_order,
    get_order,
    get_order_events,
    list_orders,
    on_payment_events,
    on_product_events,
)
from tests.kit.api import Answer, call
from tests.kit.databases import Database
from tests.kit.documents import Functions, Person
from tests.kit.lambda_events import Context, batch
from tests.kit.published import delivered, published

FUNCTIONS = Functions(create_order, get_order, list_orders)
PAYMENTS: dict[str, type[PaymentEvent]] = {
    "failed": PaymentFailed,
    "paid": PaymentCompleted,
    "refunded": PaymentRefunded,
}
ALL: dict[str, list[object]] = {"batchItemFailures": []}


class Customer(Person):
    """Somebody who orders: a signed-in user or, without *headers*, a guest."""

    def cancel(self, order: object) -> Answer:
        return call(cancel_order.handler, "POST", path={"id": str(order)}, headers=self.headers)

    def history(self, order: object, *, query: dict[str, str] | None = None, **headers: str) -> Answer:
        path = {"id": str(order)}
        return call(get_order_events.handler, path=path, query=query, headers=self._headers(headers))

    def order(self, amount: int = 500) -> UUID:
        """The id of a new order."""
        answer = self.create({"amount": amount})
        assert answer.status == 201, answer.body
        return UUID(answer.body["orderId"])


GUEST = Customer(FUNCTIONS)


def payment(order: UUID, status: str, amount: int = 500) -> PaymentEvent:
    """The news that leads an order to *status*."""
    return PAYMENTS[status](order_id=order, amount=amount)


def hear(*news: PaymentEvent) -> None:
    """Deliver what payments tell, as new events, to the orders."""
    for number, event in enumerate(news):
        assert on_payment_events.handler(batch(published(event, number)), Context()) == ALL


def product(product_id: UUID | None = None, *, version: int = 1, **changes: object) -> ProductState:
    now = datetime.now(UTC)
    usual: dict[str, Any] = {
        "created_at": now,
        "updated_at": now,
        "name": "Oak table",
        "description": "Seats six.",
        "category": "furniture",
        "price_cents": 49_900,
        "currency": "EUR",
        "stock": 12,
    }
    return ProductCreated(product_id=product_id or uuid4(), version=version, **usual | changes)


def on_sale(**changes: object) -> str:
    """The id of a new product that the orders have heard of."""
    made = product(**changes)  # type: ignore[arg-type]  # fields of a product
    assert on_product_events.handler(delivered(made), Context()) == ALL
    return str(made.product_id)


def stored(orders: Database, order: object) -> list[tuple[int, str]]:
    """Version and type of each of the order's events."""
    return orders.rows("SELECT version, type FROM order_events WHERE order_id = %s ORDER BY version", order)
