"""A seller and buyers of one product, and the events between the domains, delivered as the test says."""

from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from catalog import create_product, on_order_events, release_expired_holds
from kernel.messaging import outbox
from kernel.storage.database import Connection
from notifications import list_notifications
from notifications import on_payment_events as notify
from orders import cancel_order, create_order, get_order, on_payment_events, on_product_events
from payments import on_order_events as charge
from payments import on_stock_events, reconcile_payments
from tests.kit.api import Answer, call
from tests.kit.lambda_events import Context, batch, record
from tests.shop.stripe_in_memory import StripeInMemory

CONSUMERS: dict[str, list[ModuleType]] = {
    "order-events": [on_order_events, charge],
    "payment-events": [on_payment_events, notify],
    "product-events": [on_product_events],
    "stock-events": [on_stock_events],
}


class Published(NamedTuple):
    """A record of a topic, in the order in which it was published."""

    topic: str
    record: dict[str, Any]


class Buyer(NamedTuple):
    headers: dict[str, str]
    order_id: UUID


class Market:
    """*databases*: their owners' connections. *published*: all events so far that a domain consumes."""

    def __init__(
        self,
        databases: dict[str, Connection],
        stripe: StripeInMemory,
        sign_in: Callable[..., dict[str, str]],
        patch: pytest.MonkeyPatch,
    ) -> None:
        self.databases = databases
        self.stripe = stripe
        self.sign_in = sign_in
        self.patch = patch
        self.published: list[Published] = []
        self.known = dict.fromkeys(databases, 0)
        self.begun = 0

    def offer(self, stock: int) -> UUID:
        """Return the id of a new product that can be ordered; what was published before is over."""
        self.begun = self.pick_up()
        body = {"name": "Table", "category": "furniture", "priceCents": 100, "currency": "EUR", "stock": stock}
        answer = call(create_product.handler, "POST", body, headers=self.sign_in(uuid4(), scope="user catalog:write"))
        assert answer.status == 201, answer.body
        self.deliver_all()
        return UUID(answer.body["id"])

    def order(self, items: dict[UUID, int], payment_method: str = "pm_card_visa") -> Buyer | None:
        """Place a new buyer's order; None if it is refused at once."""
        headers = self.sign_in(uuid4())
        wanted = [{"productId": str(product), "quantity": quantity} for product, quantity in items.items()]
        answer = call(create_order.handler, "POST", {"items": wanted, "paymentMethod": payment_method}, headers=headers)
        assert answer.status in (201, 409), answer.body
        return Buyer(headers, UUID(answer.body["orderId"])) if answer.status == 201 else None

    def cancel(self, buyer: Buyer) -> None:
        answer = call(cancel_order.handler, "POST", path={"id": str(buyer.order_id)}, headers=buyer.headers)
        assert answer.status in (200, 409), answer.body

    def expire(self) -> None:
        """Let the time of all holds run out."""
        self.databases["catalog"].execute(
            "UPDATE holds SET created_at = created_at - interval '1 day' WHERE state = 'held'"
        )
        release_expired_holds.handler({}, Context())

    def reconcile(self) -> None:
        self.databases["payments"].execute("UPDATE payments SET checked_at = checked_at - interval '1 hour'")
        reconcile_payments.handler({}, Context())

    def shown(self, buyer: Buyer) -> Answer:
        return call(get_order.handler, path={"id": str(buyer.order_id)}, headers=buyer.headers)

    def messages(self, buyer: Buyer) -> list[str]:
        return [each["message"] for each in call(list_notifications.handler, headers=buyer.headers).body]

    def pick_up(self) -> int:
        """Read what the domains have published since; return how many events there are by now."""
        for domain, database in self.databases.items():
            rows = database.execute(
                "SELECT id, topic, key, headers::text, value FROM outbox WHERE id > %s ORDER BY id",
                [self.known[domain]],
            )
            for row_id, topic, key, headers, value in rows:
                self.known[domain] = row_id
                assert not topic.endswith("-dlq"), bytes(value)
                if topic not in CONSUMERS:
                    continue
                content = record(
                    bytes(value), len(self.published), key=bytes(key), headers=outbox.decode_headers(headers)
                )
                self.published.append(Published(topic, content | {"topic": topic}))
        return len(self.published)

    def deliver(self, event: Published, consumer: ModuleType) -> None:
        domain = consumer.__name__.partition(".")[0]
        self.patch.setenv("TOPIC", event.topic)
        self.patch.setenv("CONSUMER_GROUP", f"{domain}-{event.topic}")
        self.patch.setenv("DEAD_LETTER_TOPIC", f"{event.topic}-{domain}-dlq")
        assert consumer.handler(batch(event.record), Context()) == {"batchItemFailures": []}

    def deliver_all(self) -> None:
        """Deliver every event of the last product to each of its consumers, and those that follow from them."""
        done = self.begun
        while done < self.pick_up():
            event = self.published[done]
            for consumer in CONSUMERS[event.topic]:
                self.deliver(event, consumer)
            done += 1

    def pieces(self, product: UUID) -> dict[str, int]:
        """How many pieces are on sale, held and sold."""
        catalog = self.databases["catalog"]
        [(stock,)] = catalog.execute("SELECT stock FROM products WHERE id = %s", [product])
        states = catalog.execute(
            """
            SELECT state, sum(quantity)::int FROM hold_items JOIN holds USING (order_id)
            WHERE product_id = %s GROUP BY state
            """,
            [product],
        )
        counts: dict[str, int] = dict(states.fetchall())
        return {"stock": stock, "held": counts.get("held", 0), "sold": counts.get("sold", 0)}
