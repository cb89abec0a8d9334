"""Orders that want products of the catalog, and what becomes of their holds."""

from typing import Any
from uuid import UUID

from kernel import ids
from kernel.contracts.orders import OrderCancelled, OrderCreated, OrderEvent, OrderItem, OrderPaid, OrderPaymentFailed
from tests.kit.databases import Database
from tests.kit.documents import events

PAID, FAILED, CANCELLED = OrderPaid, OrderPaymentFailed, OrderCancelled


def wants(items: dict[UUID, int], *, order_id: UUID | None = None, reserves_stock: bool = True) -> OrderCreated:
    """The creation of an order of *items*: pieces by product."""
    return OrderCreated(
        order_id=order_id or ids.new(),
        amount=500,
        items=tuple(OrderItem(product_id, "Table", quantity, 500) for product_id, quantity in items.items()),
        reserves_stock=reserves_stock,
    )


def then(order: OrderCreated, happened: type[OrderEvent]) -> OrderEvent:
    """A later event of the same order."""
    return happened(order_id=order.order_id, amount=order.amount, version=2)


def holds(catalog: Database) -> dict[UUID, tuple[str, str | None]]:
    """State and reason of each order's hold."""
    return {row[0]: (row[1], row[2]) for row in catalog.rows("SELECT order_id, state, reason FROM holds")}


def stocks(catalog: Database) -> dict[UUID, int]:
    return dict(catalog.rows("SELECT id, stock FROM products"))


def told(catalog: Database, order: OrderCreated) -> list[tuple[str, str | None]]:
    """Type and reason of what others are told of the order's pieces, in order."""
    several = (each for each in events(catalog) if each["topic"] == "stock-events")
    return [(each["type"], each.get("reason")) for each in several if each["key"] == str(order.order_id)]


def product_events(catalog: Database, product: UUID) -> list[dict[str, Any]]:
    return [each for each in events(catalog) if each["topic"] == "product-events" and each["key"] == str(product)]
