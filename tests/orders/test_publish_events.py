"""The relay of orders."""

from uuid import UUID

import pytest

from orders import on_payment_events, publish_events
from tests.kit import relays, topics
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record
from tests.orders.customers import Customer, hear, payment

DEAD_LETTERS = "events-orders-dlq"

pytestmark = pytest.mark.usefixtures("sign_in")


def life(customer: Customer) -> UUID:
    """An order that was paid, cancelled and refunded."""
    order = customer.order()
    hear(payment(order, "paid"))
    customer.cancel(order)
    hear(payment(order, "refunded"))
    return order


def test_the_story_of_each_order_arrives_in_order(orders: Database, ada: Customer, kafka: str) -> None:
    """Under the order's id as key, each event once, and the outbox is empty then."""
    placed = [life(ada) for _ in range(5)]
    with relays.relaying(orders, kafka, "order-events"):
        assert relays.run(publish_events) == {"published": 20, "parked": 0, "failures": 0}
        assert relays.run(publish_events)["published"] == 0
    told = relays.received(kafka, "order-events")
    story = ["OrderCreated", "OrderPaid", "OrderCancelled", "OrderRefunded"]
    assert {order: [kind for _, kind in told[str(order)]] for order in placed} == dict.fromkeys(placed, story)


def test_what_cannot_be_read_arrives_among_the_dead_letters(orders: Database, kafka: str) -> None:
    """Byte by byte as it was, with the place where it came from."""
    on_payment_events.handler(batch(record(b"{", 7, partition=3)), Context())
    with relays.relaying(orders, kafka, DEAD_LETTERS):
        assert relays.run(publish_events)["published"] == 1
    [letter] = topics.read(kafka, DEAD_LETTERS)
    headers = dict(letter.headers())
    assert letter.value() == b"{"
    assert (headers["dlq_topic"], headers["dlq_partition"], headers["dlq_offset"]) == (b"events", b"3", b"7")
