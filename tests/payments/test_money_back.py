"""What goes back of a payment is kept and told, in whatever order Stripe tells it."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.kit.databases import Database
from tests.kit.documents import events
from tests.payments import orders, stripe_messages
from tests.payments.orders import status, told
from tests.payments.stripe_messages import canceled, declined, dispute, refund, refunded, sent, succeeded


def shuffled(payments: Database, several: list[dict[str, Any]], *, seed: int) -> None:
    """Deliver each of the messages 5 times, in an order that *seed* gives."""
    deliveries = several * 5
    random.Random(seed).shuffle(deliveries)  # noqa: S311 - no secret
    assert {sent(each) for each in deliveries} == {200}


@pytest.mark.parametrize("seed", range(4))
def test_parts_that_are_refunded_add_up(payments: Database, seed: int) -> None:
    """In any order and 5 times each: two parts leave the payment completed, the last one makes it refunded."""
    payment = orders.known(payments)
    intent = str(payment.intent_id)
    parts = [refund(intent, "created", "pending", amount=200), refund(intent, "updated", "succeeded", amount=200)]
    parts += [refund(intent, "created", "succeeded", name="re_2", amount=100), refunded(intent, 300)]
    shuffled(payments, [succeeded(intent), *parts], seed=seed)
    assert (status(payments, payment.order_id), orders.now(payments, payment).amount_refunded) == ("completed", 300)
    assert set(told(payments, payment.order_id)) == {"PaymentCompleted", "PaymentPartiallyRefunded"}
    last = [each for each in events(payments) if each["type"] == "PaymentPartiallyRefunded"][-1]
    assert (last["amount"], last["amountRefunded"], last["currency"]) == (500, 300, "USD")

    shuffled(payments, [refund(intent, "created", "succeeded", name="re_3", amount=200), refunded(intent)], seed=seed)
    assert status(payments, payment.order_id) == "refunded"
    assert told(payments, payment.order_id).count("PaymentRefunded") == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_refund_that_failed_is_not_made(payments: Database, seed: int) -> None:
    """In any order: the payment is completed as before, and that the refund failed is told once and last."""
    payment = orders.known(payments)
    intent = str(payment.intent_id)
    made = [refund(intent, "created", "pending"), refunded(intent), refund(intent, "updated", "succeeded")]
    failed = [refund(intent, "failed", "failed"), stripe_messages.message("charge.refund.updated", **_failed(intent))]
    shuffled(payments, [succeeded(intent), *made, *failed], seed=seed)
    found = orders.now(payments, payment)
    assert (found.status, found.amount_refunded) == ("completed", 0)
    assert found.refund_failure_reason == "expired_or_canceled_card"
    news = told(payments, payment.order_id)
    assert news.count("PaymentRefundFailed") == 1
    assert news[-1] == "PaymentRefundFailed"
    last = events(payments)[-1]
    assert (last["refundId"], last["refundAmount"], last["amountRefunded"]) == ("re_1", 500, 0)

    assert sent(refund(intent, "created", "succeeded", name="re_2")) == 200
    assert status(payments, payment.order_id) == "refunded"
    assert told(payments, payment.order_id)[-1] == "PaymentRefunded"


def _failed(intent: str) -> dict[str, Any]:
    content: dict[str, Any] = refund(intent, "failed", "failed")["data"]["object"]
    return content


@pytest.mark.parametrize("end", ["won", "lost", "warning_closed"])
@given(order=st.permutations(range(6)))
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_dispute_is_opened_and_closed_once(payments: Database, end: str, order: list[int]) -> None:
    """In any order, each delivered twice: what is known is its end, and others hear of both."""
    payment = orders.known(payments)
    intent = str(payment.intent_id)
    messages = [
        succeeded(intent),
        dispute(intent, "created", "needs_response"),
        dispute(intent, "funds_withdrawn", "needs_response"),
        dispute(intent, "updated", "under_review"),
        dispute(intent, "closed", end),
        dispute(intent, "funds_reinstated", end),
    ]
    assert {sent(messages[number]) for number in [*order, *order]} == {200}
    [found] = orders.now(payments, payment).disputes
    assert (found.status, found.is_closed, found.withdrawn, found.reinstated) == (end, True, True, True)
    assert told(payments, payment.order_id) == ["PaymentCompleted", "PaymentDisputed", "PaymentDisputeClosed"]
    assert status(payments, payment.order_id) == ("charged_back" if end == "lost" else "completed")


def test_an_open_dispute_keeps_us_from_refunding(payments: Database) -> None:
    """The bank decides over the money; when it leaves it to us, the cancelled order's money goes back."""
    payment = orders.known(payments)
    intent = str(payment.intent_id)
    for each in (succeeded(intent), dispute(intent, "created", "needs_response")):
        assert sent(each) == 200
    cancelled = orders.cancel(payments, payment)
    assert (cancelled.status, cancelled.next_step) == ("refunding", None)
    assert payments.rows("SELECT refund_due FROM payments") == [(False,)]
    assert sent(dispute(intent, "closed", "won")) == 200
    assert orders.now(payments, payment).next_step == "refund"
    assert payments.rows("SELECT refund_due FROM payments") == [(True,)]


NOTHING: list[Any] = [
    None,
    [],
    [1],
    {},
    "",
    "text",
    0,
    -1,
    1.5,
    2**63,
    10**30,
    True,
    {"id": None},
    "a\0b",
    "\ud800",
    "x" * 300,
]
HANDLED = [
    succeeded("pi_1"),
    canceled("pi_1"),
    declined("pi_1"),
    refunded("pi_1"),
    *(refund("pi_1", kind, "failed") for kind in ("created", "updated", "failed")),
    stripe_messages.message("charge.refund.updated", **_failed("pi_1")),
    *(
        dispute("pi_1", kind, "needs_response")
        for kind in ("created", "updated", "closed", "funds_withdrawn", "funds_reinstated")
    ),
]


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """An event that we handle, with one thing in it replaced or left out."""
    event = dict(draw(st.sampled_from(HANDLED)))
    content = dict(event["data"]["object"])
    name = draw(st.sampled_from([*content, "data", "object", "created", "id"]))
    value = draw(st.sampled_from(NOTHING))
    if name in ("data", "created"):
        return event | {name: value}
    if name == "object":
        content = value
    elif draw(st.booleans()):
        content.pop(name, None)
    else:
        content[name] = value
    return event | {"id": f"evt_{draw(st.uuids())}", "data": {"object": content}}


@given(mutated())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_stripe_signs_is_answered(payments: Database, event: dict[str, Any]) -> None:
    """An object that is not as expected is taken or refused, never a failure of ours."""
    assert sent(event, escaped=True) in (200, 400)


def test_an_object_that_cannot_be_read_is_logged(payments: Database, caplog: pytest.LogCaptureFixture) -> None:
    """With the event's id and type, and is refused, so that it is seen at Stripe as well."""
    for content in (None, [1], {"id": 5}, {"id": "pi_1", "amount": "500", "currency": "usd"}):
        event = {"id": "evt_odd", "type": "payment_intent.succeeded", "data": {"object": content}}
        assert sent(event) == 400
        [logged] = [each for each in caplog.records if each.levelname == "WARNING"]
        assert (vars(logged)["eventId"], vars(logged)["eventType"]) == ("evt_odd", "payment_intent.succeeded")
        caplog.clear()
    assert payments.rows("SELECT count(*) FROM inbox") == [(0,)]
