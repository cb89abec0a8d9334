"""What nobody told us is found out, and what was left lying is finished."""

import signal
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from payments import store
from payments.model import Payment
from payments.on_order_events import handler as on_order_events
from payments.reconcile_payments import handler
from tests.kit import operations
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.proxy import Loss, Refusal
from tests.kit.published import delivered
from tests.kit.servers import wait_until
from tests.payments import orders
from tests.payments.consumer_process import consuming
from tests.payments.fake_stripe import FakeStripe
from tests.payments.orders import cancelled, created


def let_time_pass(payments: Database, *, hours: int = 1) -> None:
    with payments.connect() as connection:
        connection.execute(
            "UPDATE payments SET checked_at = checked_at - interval '1 hour' * %(hours)s,"
            " created_at = created_at - interval '1 hour' * %(hours)s",
            {"hours": hours},
        )


def run() -> dict[str, int]:
    counts: dict[str, int] = operations.run(handler)
    return counts


def secret(payments: Database, order_id: UUID) -> str:
    [(found,)] = payments.rows("SELECT client_secret FROM payments WHERE order_id = %s", order_id)
    return str(found)


def test_leaves_alone_what_is_settled_or_under_way(payments: Database, stripe: FakeStripe) -> None:
    """A completed payment never, a new one not yet."""
    on_order_events(delivered(created()), Context())
    let_time_pass(payments)
    with payments.connect("app") as connection:
        store.add(connection, Payment(created().order_id, None, 500, "USD", orders.CARD))
    stripe.proxy.requests.clear()
    assert run() == {"looked_at": 0, "waiting": 0}
    assert stripe.proxy.requests == []


@pytest.mark.parametrize("call", [0, 1])
def test_finishes_what_a_killed_function_left(payments: Database, stripe: FakeStripe, call: int) -> None:
    """Even if its event is never delivered again: charged, once."""
    order = created()
    stripe.proxy.fail([None] * call + [Loss.SILENT_AFTER])
    with consuming(delivered(order)) as process:
        expected = [["requires_confirmation"], ["succeeded"]][call]
        wait_until(lambda: [intent["status"] for intent in stripe.intents(order.order_id)] == expected)
        process.kill()
        process.join()
    assert process.exitcode == -signal.SIGKILL
    let_time_pass(payments)
    assert run() == {"looked_at": 1, "waiting": 0}
    assert stripe.charges(order.order_id) == [500]
    assert orders.told(payments, order.order_id) == ["PaymentCompleted"]


@pytest.mark.parametrize("card", ["4242424242424242", "4000000000000341"])
def test_finds_out_what_no_message_told(
    payments: Database, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch, card: str
) -> None:
    """A client confirmed, and Stripe's message got lost: completed if it paid, still waiting if it was declined."""
    monkeypatch.delenv("DEFAULT_PAYMENT_METHOD")
    order = created()
    on_order_events(delivered(order), Context())
    stripe.confirm(secret(payments, order.order_id), stripe.card(card))
    let_time_pass(payments)
    assert run() == {"looked_at": 1, "waiting": 0}
    paid = bool(stripe.charges(order.order_id))
    assert orders.status(payments, order.order_id) == ("completed" if paid else "requires_payment_method")
    assert orders.told(payments, order.order_id) == ["PaymentCompleted"] * paid
    assert run() == {"looked_at": 0, "waiting": 0}


def test_gives_up_a_client_that_never_comes_back(
    payments: Database, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a day its intent is cancelled, and the payment has failed; one that paid at the last moment has not."""
    monkeypatch.delenv("DEFAULT_PAYMENT_METHOD")
    gone, late = created(), created()
    on_order_events(delivered(gone, late), Context())
    let_time_pass(payments, hours=23)
    assert run() == {"looked_at": 2, "waiting": 0}
    stripe.confirm(secret(payments, late.order_id), "pm_card_visa")
    let_time_pass(payments, hours=2)
    assert run() == {"looked_at": 2, "waiting": 0}
    assert [intent["status"] for intent in stripe.intents(gone.order_id)] == ["canceled"]
    assert orders.told(payments, gone.order_id) == ["PaymentFailed"]
    assert payments.rows("SELECT failure_reason FROM payments WHERE order_id = %s", gone.order_id) == [("expired",)]
    assert orders.told(payments, late.order_id) == ["PaymentCompleted"]


def test_refunds_what_stripe_refused_to_refund_before(payments: Database, stripe: FakeStripe) -> None:
    """Its event is among the dead letters; the money is given back when Stripe lets us."""
    order = created()
    on_order_events(delivered(order), Context())
    stripe.proxy.fail([Refusal(400)])
    on_order_events(delivered(cancelled(order), start=1), Context())
    let_time_pass(payments)
    stripe.proxy.fail([Refusal(400)])
    assert run() == {"looked_at": 1, "waiting": 1}
    assert run() == {"looked_at": 0, "waiting": 0}
    let_time_pass(payments)
    assert run() == {"looked_at": 1, "waiting": 0}
    assert stripe.refunds(order.order_id) == [500]
    assert orders.status(payments, order.order_id) == "refunded"


def test_stops_in_time_and_goes_on_the_next_time(payments: Database, stripe: FakeStripe) -> None:
    """With no time for a call nothing is claimed; while Stripe is down each payment is tried once."""
    with payments.connect("app") as connection:
        for _ in range(3):
            store.add(connection, Payment(created().order_id, None, 500, "USD", orders.CARD))
    let_time_pass(payments)
    assert handler({}, Context(milliseconds=15_000))["error"]["retry"]
    stripe.proxy.fail([Refusal(503)] * 3)
    assert run() == {"looked_at": 3, "waiting": 3}
    let_time_pass(payments)
    assert run() == {"looked_at": 3, "waiting": 0}


def test_parallel_runs_claim_each_payment_once(payments: Database) -> None:
    """Two runs that overlap do not look at the same."""
    with payments.connect("app") as connection:
        for _ in range(50):
            store.add(connection, Payment(created().order_id, None, 500, "USD", orders.CARD))
    let_time_pass(payments)

    def claim_all(_: int) -> list[UUID]:
        with payments.connect("app") as connection:
            several = iter(lambda: store.claim_unsettled(connection, 5, 7), [])
            return [payment.order_id for claimed in several for payment in claimed]

    with ThreadPoolExecutor(4) as runs:
        claimed = [each for several in runs.map(claim_all, range(4)) for each in several]
    assert len(claimed) == len(set(claimed)) == 50


def test_does_nothing_while_the_database_is_gone(payments: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says so, and the next run goes on."""
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL_PAYMENTS", "postgresql://nobody@127.0.0.1:1/nothing")
        answer = handler({}, Context())
    assert answer["error"] == {"message": "The payments database is not available.", "fields": [], "retry": True}
    assert run() == {"looked_at": 0, "waiting": 0}
