"""What payments tell becomes part of the order, once."""

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.contracts.payments import (
    PaymentCompleted,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentEvent,
    PaymentPartiallyRefunded,
    PaymentRefunded,
    PaymentRefundFailed,
)
from orders.on_payment_events import handler
from tests.kit.databases import Database
from tests.kit.documents import events
from tests.kit.lambda_events import Context, batch, failures, record
from tests.kit.published import delivered, published
from tests.orders.customers import ALL, GUEST, Customer, hear, payment, stored

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


@pytest.mark.parametrize("status", ["paid", "failed", "refunded"])
def test_a_payment_of_another_services_order_is_skipped_and_counted(
    orders: Database, ada: Customer, status: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """However many there are, none is a dead letter, and their neighbours are heard."""
    order = ada.order()
    foreign = [published(payment(uuid4(), status), offset) for offset in range(150)]
    assert handler(batch(*foreign, published(payment(order, "paid"), 150)), Context()) == ALL

    assert orders.rows("SELECT topic FROM outbox WHERE topic <> 'order-events'") == []
    assert ada.get(order).body["status"] == "paid"
    assert '"not_ours":[150.0]' in capsys.readouterr().out


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


def test_money_that_goes_back_is_part_of_the_order(orders: Database, ada: Customer) -> None:
    """Parts, the whole, a refund that failed and a dispute: each is in the order, in its history, and told."""
    order = ada.order()
    hear(payment(order, "paid"))
    facts: dict[str, Any] = {"order_id": order, "amount": 500, "currency": "USD"}
    hear(PaymentPartiallyRefunded(**facts, version=1, amount_refunded=200))
    found = ada.get(order).body
    assert (found["status"], found["amountRefunded"]) == ("paid", 200)

    hear(PaymentRefunded(**facts, version=2))
    assert (ada.get(order).body["status"], ada.get(order).body["amountRefunded"]) == ("refunded", 500)

    why = "expired_or_canceled_card"
    hear(PaymentRefundFailed(**facts, version=3, refund_id="re_2", refund_amount=300, amount_refunded=200, reason=why))
    found = ada.get(order).body
    assert (found["status"], found["amountRefunded"], found["refundFailureReason"]) == ("paid", 200, why)

    dispute = {**facts, "dispute_id": "du_1", "disputed_amount": 300, "reason": "fraudulent"}
    hear(PaymentDisputed(**dispute, version=4, status="needs_response"))
    hear(PaymentDisputeClosed(**dispute, version=5, status="won"))
    [shown] = ada.get(order).body["disputes"]
    assert (shown["disputeId"], shown["status"], shown["isClosed"]) == ("du_1", "won", True)
    names = ["OrderPartiallyRefunded", "OrderRefunded", "OrderRefundFailed", "OrderDisputed", "OrderDisputeClosed"]
    assert [each["type"] for each in events(orders)] == ["OrderCreated", "OrderPaid", *names]
    assert [each["type"] for each in ada.history(order).body] == ["OrderCreated", "OrderPaid", *names]


def test_a_cancelled_order_whose_refund_failed_is_cancelled_and_not_refunded(orders: Database, ada: Customer) -> None:
    """Its list says so as well."""
    order = ada.order()
    hear(payment(order, "paid"))
    ada.cancel(order)
    facts: dict[str, Any] = {"order_id": order, "amount": 500}
    hear(PaymentRefunded(**facts, version=1))
    hear(PaymentRefundFailed(**facts, version=2, refund_id="re_1", refund_amount=500, amount_refunded=0))
    assert ada.get(order).body["status"] == "cancelled"
    assert [each["status"] for each in ada.list().body] == ["cancelled"]


@given(st.permutations(range(6)))
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_news_of_money_that_goes_back_end_alike_in_any_order(orders: Database, ada: Customer, order: list[int]) -> None:
    """Redriven dead letters are late: the latest news of refunds and of each dispute count, however they arrive."""
    placed = ada.order()
    facts: dict[str, Any] = {"order_id": placed, "amount": 500}
    dispute = {**facts, "dispute_id": "du_1", "disputed_amount": 500}
    news: list[PaymentEvent] = [
        PaymentCompleted(**facts),
        PaymentPartiallyRefunded(**facts, version=1, amount_refunded=200),
        PaymentRefunded(**facts, version=2),
        PaymentRefundFailed(**facts, version=3, refund_id="re_2", refund_amount=300, amount_refunded=200),
        PaymentDisputed(**dispute, version=4, status="needs_response"),
        PaymentDisputeClosed(**dispute, version=5, status="lost"),
    ]
    hear(*(news[number] for number in [*order, *order]))
    found = ada.get(placed).body
    assert (found["status"], found["amountRefunded"], found["refundFailureReason"]) == ("paid", 200, "unknown")
    assert [(each["status"], each["isClosed"]) for each in found["disputes"]] == [("lost", True)]


def test_other_news_of_payments_is_skipped(orders: Database) -> None:
    """A type that a later release publishes is no error."""
    assert handler(batch(record(b'{"type": "PaymentForgotten"}')), Context()) == ALL
    assert events(orders) == []


def test_a_guests_order_is_paid_as_well(orders: Database) -> None:
    """Payments know nobody's name, and need none."""
    placed = GUEST.create({"amount": 500}).body
    hear(payment(placed["orderId"], "paid"))
    assert GUEST.get(placed["orderId"], order_token=placed["token"]).body["status"] == "paid"
