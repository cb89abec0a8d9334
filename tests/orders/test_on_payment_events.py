"""What payments tell becomes part of the order, once."""

import json
from uuid import uuid4

import pytest

from orders.on_payment_events import handler
from tests.databases import Database
from tests.documents import events
from tests.lambda_events import Context, batch, failures, record
from tests.orders.customers import ALL, GUEST, Customer, hear, payment, stored
from tests.published import delivered, published

pytestmark = pytest.mark.usefixtures("sign_in")


def test_a_completed_payment_pays_the_order_once(orders: Database, ada: Customer) -> None:
    """However often it is delivered, or told anew."""
    order = ada.order()
    delivery = delivered(payment(order, "paid"), payment(order, "paid"))
    for _ in range(3):
        assert handler(delivery, Context()) == ALL

    assert stored(orders, order) == [(1, "OrderCreated"), (2, "OrderPaid")]
    assert [each["type"] for each in events(orders)] == ["OrderCreated", "OrderPaid"]


def test_a_refused_payment_fails_the_order_and_says_why(orders: Database, ada: Customer) -> None:
    """An event as an old producer writes it, without headers, does as well."""
    order = ada.order()
    value = {"type": "PaymentFailed", "orderId": str(order), "amount": 500, "reason": "card_declined"}
    assert handler(batch(record(json.dumps(value).encode())), Context()) == ALL

    found = ada.get(order).body
    assert (found["status"], found["failureReason"]) == ("failed", "card_declined")
    assert events(orders)[-1]["reason"] == "card_declined"


def test_the_event_that_led_to_another_is_named(orders: Database, ada: Customer) -> None:
    """The id under which payments published it."""
    order, event_id = ada.order(), uuid4()
    value = {"type": "PaymentCompleted", "eventId": str(event_id), "orderId": str(order), "amount": 500}
    handler(batch(record(json.dumps(value).encode())), Context())
    assert orders.rows("SELECT causation FROM order_events WHERE version = 2") == [(str(event_id),)]


def test_a_payment_of_no_order_of_ours_is_dead_lettered(orders: Database, ada: Customer) -> None:
    """An order exists before anybody pays it, so waiting would not help; its neighbours are heard."""
    order = ada.order()
    news = [published(payment(uuid4(), "paid"), 0), published(payment(order, "paid"), 1)]
    assert handler(batch(*news), Context()) == ALL

    assert orders.rows("SELECT topic FROM outbox WHERE topic <> 'order-events'") == [("events-orders-dlq",)]
    assert ada.get(order).body["status"] == "paid"


def test_gives_the_batch_back_while_the_database_is_gone(
    orders: Database, ada: Customer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a database nothing is dead-lettered: the batch is delivered again, and then heard."""
    order = ada.order()
    delivery = delivered(payment(order, "paid"))
    orders.end_sessions()
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL_ORDERS", "postgresql://nobody@127.0.0.1:1/nothing")
        assert handler(delivery, Context()) == failures((0, 0))
    assert handler(delivery, Context()) == ALL
    assert ada.get(order).body["status"] == "paid"


def test_other_news_of_payments_is_skipped(orders: Database) -> None:
    """A type that a later release publishes is no error."""
    assert handler(batch(record(b'{"type": "PaymentDisputed"}')), Context()) == ALL
    assert events(orders) == []


def test_a_guests_order_is_paid_as_well(orders: Database) -> None:
    """Payments know nobody's name, and need none."""
    placed = GUEST.create({"amount": 500}).body
    hear(payment(placed["orderId"], "paid"))
    assert GUEST.get(placed["orderId"], order_token=placed["token"]).body["status"] == "paid"
