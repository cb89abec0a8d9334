"""What Stripe sends is believed if Stripe signed it, and counts once."""

import json
import random
import statistics
import time
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.storage import database, redis_server
from kernel.web import rate_limit
from kernel.web.rate_limit import Rate
from payments import signature, store
from tests.kit.databases import Database
from tests.payments import orders, stripe_messages
from tests.payments.stripe_messages import SECRETS, canceled, declined, message, refunded, sent, succeeded

ALL_TABLES = "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM outbox)"


def body_of(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode()


def test_completes_a_payment(payments: Database) -> None:
    """The news that the money was taken completes the payment, and is published once."""
    payment = orders.known(payments, payment_method=None)
    content = succeeded(str(payment.intent_id))
    assert [sent(content) for _ in range(3)] == [200] * 3
    assert orders.now(payments, payment).status == "completed"
    assert orders.told(payments, payment.order_id) == ["PaymentCompleted"]


@pytest.mark.parametrize("secret", SECRETS)
def test_takes_both_secrets_while_one_is_replaced(payments: Database, secret: str) -> None:
    """The new one and the old one are good; so is a message that is signed with both."""
    payment = orders.known(payments)
    assert sent(succeeded(str(payment.intent_id)), secret) == 200
    body = body_of(succeeded(str(payment.intent_id)))
    assert stripe_messages.send(body, stripe_messages.signature(body, "whsec_unknown", secret)) == 200
    assert orders.now(payments, payment).status == "completed"


def test_verifies_the_bytes_that_were_sent(payments: Database) -> None:
    """Spaces, line ends and other letters are part of what is signed, whether the gateway encodes the body or not."""
    for encoded in (False, True):
        payment = orders.known(payments)
        body = json.dumps(
            {"note": "Käse 🧀"} | succeeded(str(payment.intent_id)), indent=3, ensure_ascii=False
        ).encode()
        header = stripe_messages.signature(body, SECRETS[0])
        assert stripe_messages.send(body.replace(b"   ", b"  "), header, encoded=encoded) == 400
        assert stripe_messages.send(body, header, encoded=encoded) == 200
        assert orders.now(payments, payment).status == "completed"


def bad_headers(body: bytes) -> dict[str, str | None]:
    good = stripe_messages.signature(body, SECRETS[0])
    sent_at, signed = good.split(",")[:2]
    return {
        "none": None,
        "empty": "",
        "another secret": stripe_messages.signature(body, "whsec_unknown"),
        "an empty secret": stripe_messages.signature(body, ""),
        "another body": stripe_messages.signature(body + b" ", SECRETS[0]),
        "stale": stripe_messages.signature(body, SECRETS[0], age=signature.TOLERANCE_SECONDS + 5),
        "from the future": stripe_messages.signature(body, SECRETS[0], age=-signature.TOLERANCE_SECONDS - 5),
        "time changed": good.replace(sent_at, f"t={int(sent_at[2:]) + 1}"),
        "two times": f"{sent_at},{good}",
        "no time": signed,
        "no signature": sent_at,
        "the scheme of tests": good.replace("v1=", "v0="),
        "not hexadecimal": f"{sent_at},v1=ä",
        "a time that is none": f"t=1e9,{signed}",
        "a long time": f"t={'9' * 5000},{signed}",
    }


def test_counts_what_stripe_did_not_sign(payments: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a burst from one address 429; what Stripe signed is taken from there still."""
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    monkeypatch.setattr(redis_server, "TIMEOUT_SECONDS", 5)
    monkeypatch.setitem(rate_limit.RATES, "refusal", Rate(burst=3, seconds=60))
    address, body = str(uuid4()), body_of(succeeded("pi_unknown"))
    forged = stripe_messages.signature(body, "whsec_unknown")
    assert [stripe_messages.send(body, forged, address=address) for _ in range(4)] == [400, 400, 400, 429]
    assert stripe_messages.send(body, stripe_messages.signature(body, SECRETS[0]), address=address) == 200


@pytest.mark.parametrize("name", bad_headers(b""))
def test_refuses_what_stripe_did_not_sign_just_now(payments: Database, name: str) -> None:
    """400, and not one row."""
    payment = orders.known(payments)
    body = body_of(succeeded(str(payment.intent_id)))
    assert stripe_messages.send(body, bad_headers(body)[name]) == 400
    assert orders.now(payments, payment) == payment
    assert payments.rows(ALL_TABLES) == [(0,)]


@pytest.mark.parametrize(
    "content",
    [
        succeeded("pi_of_somebody_else"),
        message("payment_intent.created", id="pi_1"),
        message("customer.created", id="cus_1"),
        message("charge.refunded", id="ch_1", payment_intent=None, amount_refunded=500, refunded=True),
        message("charge.dispute.created", id="du_1", amount=5, currency="usd", status="needs_response"),
        {"id": "evt_thin", "object": "v2.core.event", "type": "v2.core.event_destination.ping"},
        {"id": "evt_odd", "type": "invoice.paid", "data": {"object": [1, 2]}},
    ],
    ids=lambda content: content["type"],
)
def test_takes_and_ignores_what_is_not_about_a_payment_of_ours(payments: Database, content: dict[str, Any]) -> None:
    """Stripe would send it again for three days otherwise."""
    payment = orders.known(payments)
    assert [sent(content), sent(content)] == [200, 200]
    assert orders.now(payments, payment) == payment
    assert payments.rows("SELECT count(*) FROM outbox") == [(0,)]


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"id": 1, "type": "x"}', b'{"id": "evt_1"}', b'"\xff"'])
def test_refuses_what_is_no_event(payments: Database, body: bytes) -> None:
    """Even if it is signed."""
    assert stripe_messages.send(body, stripe_messages.signature(body, SECRETS[0]), encoded=True) == 400


def test_keeps_a_declined_payment_of_ours_to_be_given_up(payments: Database) -> None:
    """One that we confirm is to be cancelled; one that the client confirms goes on waiting."""
    ours, clients = orders.known(payments), orders.known(payments, payment_method=None)
    for payment in (ours, clients):
        assert sent(declined(str(payment.intent_id))) == 200
    assert orders.now(payments, ours).status == "cancelling"
    assert orders.now(payments, ours).failure_reason == "insufficient_funds"
    assert orders.now(payments, clients) == clients


@pytest.mark.parametrize(("amount", "currency"), [(1, "jpy"), (500, "jpy"), (499, "usd"), (50_000, "usd")])
def test_another_amount_or_currency_completes_nothing(
    payments: Database, amount: int, currency: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged as an error, and the next reconciliation asks Stripe what it took."""
    payment = orders.known(payments, payment_method=None)
    assert sent(succeeded(str(payment.intent_id), amount, currency)) == 200
    assert orders.now(payments, payment) == payment
    assert orders.told(payments, payment.order_id) == []
    assert [each.levelname for each in caplog.records].count("ERROR") == 1
    with payments.connect("app") as connection:
        assert [each.order_id for each in store.claim_unsettled(connection, 5, 10)] == [payment.order_id]
    assert sent(succeeded(str(payment.intent_id))) == 200
    assert orders.now(payments, payment).status == "completed"


@given(st.permutations(["taken", "taken", "declined", "returned", "created"]))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_arrival_ends_alike(payments: Database, kinds: list[str]) -> None:
    """Refunded before it was paid, declined after: what is known and told in the end is the same."""
    payment = orders.known(payments)
    intent = str(payment.intent_id)
    made = {
        "taken": succeeded(intent),
        "declined": declined(intent),
        "returned": refunded(intent),
        "created": message("payment_intent.created", id=intent),
    }
    assert {sent(made[kind]) for kind in kinds} == {200}
    assert orders.now(payments, payment).status == "refunded"
    assert orders.told(payments, payment.order_id) == ["PaymentCompleted", "PaymentRefunded"]


def test_a_cancelled_intent_fails_the_payment_once(payments: Database) -> None:
    """Somebody cancelled it in Stripe's dashboard."""
    payment = orders.known(payments)
    for _ in range(2):
        sent(canceled(str(payment.intent_id)))
    assert orders.told(payments, payment.order_id) == ["PaymentFailed"]


def test_100_payments_complete_once_each_whatever_arrives_between(payments: Database) -> None:
    """100 messages, each 5 times, in random order with 200 forged and stale ones: one PaymentCompleted per order, and
    an answer within 100 ms for 99 of 100."""
    several = [orders.known(payments, payment_method=None) for _ in range(100)]
    deliveries: list[tuple[bytes, str, int]] = []
    for payment in several:
        body = body_of(succeeded(str(payment.intent_id)))
        deliveries += [(body, stripe_messages.signature(body, SECRETS[number % 2]), 200) for number in range(5)]
        deliveries.append((body, stripe_messages.signature(body, "whsec_unknown"), 400))
        deliveries.append((body, stripe_messages.signature(body, SECRETS[0], age=900), 400))
    random.shuffle(deliveries)
    milliseconds = []
    for body, header, expected in deliveries:
        started = time.perf_counter()
        assert stripe_messages.send(body, header) == expected
        milliseconds.append((time.perf_counter() - started) * 1000)
    for payment in several:
        assert orders.told(payments, payment.order_id) == ["PaymentCompleted"]
    assert payments.rows("SELECT count(*) FROM inbox") == [(100,)]
    assert statistics.quantiles(milliseconds, n=100)[98] <= 100


def test_keeps_nothing_of_a_card(payments: Database, capsys: pytest.CaptureFixture[str]) -> None:
    """Stripe's objects tell of cards; neither the database nor the log does."""
    payment = orders.known(payments)
    sent(succeeded(str(payment.intent_id)))
    [(content,)] = payments.rows(
        "SELECT concat((SELECT json_agg(p) FROM payments p), (SELECT json_agg(i) FROM inbox i),"
        " (SELECT string_agg(convert_from(value, 'utf8'), '') FROM outbox))"
    )
    logged = capsys.readouterr()
    for text in (content, logged.out, logged.err):
        assert "4242" not in text
        assert "visa" not in text.replace(orders.CARD, "")
    assert str(payment.client_secret) not in logged.out + logged.err


def test_lets_stripe_send_again_what_could_not_be_kept(payments: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a database it is 503, and the same message counts when it comes again."""
    payment = orders.known(payments)
    content = succeeded(str(payment.intent_id))
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL_PAYMENTS", "postgresql://nobody@127.0.0.1:1/nothing")
        database.reset()
        assert sent(content) == 503
    assert sent(content) == 200
    assert orders.told(payments, payment.order_id) == ["PaymentCompleted"]
