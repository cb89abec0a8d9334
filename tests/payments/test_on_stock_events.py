"""An order of items is charged when they are held, and not without them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from uuid import uuid4

import pytest

from kernel.contracts.event import Event
from kernel.contracts.orders import OrderCreated
from kernel.contracts.stock import StockEvent
from kernel.storage import database
from payments import gateway, get_payment, on_order_events, on_stock_events
from payments.model import News
from payments.reconcile_payments import handler as reconcile
from tests.kit import documents, operations
from tests.kit.api import call
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, failures
from tests.kit.proxy import Loss, Refusal
from tests.kit.published import delivered
from tests.payments import orders
from tests.payments.fake_stripe import FakeStripe
from tests.payments.orders import cancelled, created, refused, released, reserved, reserving
from tests.payments.stripe_messages import message, sent
from tests.payments.test_reconcile_payments import let_time_pass

ALL: dict[str, list[object]] = {"batchItemFailures": []}


def hear(*several: Event) -> None:
    """Deliver each event alone, to the consumer of its topic."""
    for event in several:
        consumer = on_stock_events if isinstance(event, StockEvent) else on_order_events
        assert consumer.handler(delivered(event), Context()) == ALL


def test_asks_nothing_of_stripe_before_the_items_are_held(payments: Database, stripe: FakeStripe) -> None:
    """Then it is charged once, however often that is told."""
    order = reserving()
    hear(order, order)
    assert (orders.status(payments, order.order_id), stripe.proxy.requests) == ("awaiting_stock", [])
    hear(reserved(order), reserved(order), order)
    assert stripe.charges(order.order_id) == [500]
    assert orders.told(payments, order.order_id) == ["PaymentCompleted"]


def test_the_customer_sees_what_a_payment_waits_for(
    payments: Database, stripe: FakeStripe, sign_in: Callable[..., dict[str, str]]
) -> None:
    """The status says so, and there is no secret yet; when it failed, the reason."""
    customer = uuid4()
    order = reserving(customer_id=customer)
    hear(order)

    def shown() -> tuple[str, str | None, str | None]:
        path = {"orderId": str(order.order_id)}
        found = call(get_payment.handler, path=path, headers=sign_in(customer)).body
        return found["status"], found["clientSecret"], found["failureReason"]

    assert shown() == ("awaiting_stock", None, None)
    hear(refused(order))
    assert shown() == ("failed", None, "out_of_stock")


def test_orders_that_reserve_nothing_are_charged_as_before(payments: Database, stripe: FakeStripe) -> None:
    """Whatever somebody tells of their stock, before or after."""
    first, second = created(), created()
    hear(refused(first), first, second, released(second))
    for order in (first, second):
        assert stripe.charges(order.order_id) == [500]
        assert orders.told(payments, order.order_id) == ["PaymentCompleted"]


@pytest.mark.parametrize("order", list(permutations(range(2))))
def test_refused_stock_fails_the_payment(payments: Database, stripe: FakeStripe, order: tuple[int, ...]) -> None:
    """Whichever is heard first: with the reason, once, and without Stripe."""
    placed = reserving()
    several: list[Event] = [placed, refused(placed)]
    hear(*(several[index] for index in order), *several)
    [event] = documents.events(payments)
    assert (event["type"], event["reason"]) == ("PaymentFailed", "out_of_stock")
    assert stripe.proxy.requests == []


def news(placed: OrderCreated) -> dict[str, list[Event]]:
    """What is told of an order, by topic; within a topic in this order."""
    return {
        "expired": [placed, reserved(placed), released(placed)],
        "cancelled": [placed, reserved(placed), cancelled(placed), released(placed, "cancelled")],
        "cancelled early": [placed, cancelled(placed)],
    }


@pytest.mark.parametrize("story", ["expired", "cancelled", "cancelled early"])
def test_every_order_of_news_ends_without_money(payments: Database, stripe: FakeStripe, story: str) -> None:
    """The topics are read at different speeds; what was charged meanwhile is given back."""
    for sequence in permutations(range(len(news(reserving())[story]))):
        placed = reserving()
        several = news(placed)[story]
        hear(*(several[index] for index in sequence))
        assert stripe.charges(placed.order_id) == stripe.refunds(placed.order_id)
        ends = {"expired": "failed"}.get(story, "cancelled")
        assert orders.status(payments, placed.order_id) in (ends, "refunded")
        told = orders.told(payments, placed.order_id)
        assert told in ([["PaymentFailed"]] if story == "expired" else [[]]) + [["PaymentCompleted", "PaymentRefunded"]]
        assert not [each for each in stripe.intents(placed.order_id) if each["status"] not in ("canceled", "succeeded")]


def test_money_that_comes_after_the_release_is_given_back(
    payments: Database, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client paid at the last moment: what no message told is found out when the intent is to be cancelled."""
    monkeypatch.delenv("DEFAULT_PAYMENT_METHOD")
    placed = reserving()
    hear(placed, reserved(placed))
    [(secret,)] = payments.rows("SELECT client_secret FROM payments")
    stripe.confirm(secret, "pm_card_visa")
    hear(released(placed))
    assert stripe.refunds(placed.order_id) == [500]
    assert orders.told(payments, placed.order_id) == ["PaymentCompleted", "PaymentRefunded"]


def test_money_that_a_late_message_tells_of_is_given_back(payments: Database, stripe: FakeStripe) -> None:
    """The payment was thought ended; the reconciliation refunds what Stripe's message says was taken."""
    placed = reserving()
    hear(placed, reserved(placed))
    with payments.connect() as connection:
        connection.execute("UPDATE payments SET money = 'ended', failure_reason = 'declined'")
    hear(released(placed, "payment_failed"))
    [intent] = stripe.intents(placed.order_id)
    assert sent(message("payment_intent.succeeded", **intent)) == 200
    let_time_pass(payments)
    assert operations.run(reconcile) == {"looked_at": 1, "waiting": 0}
    assert stripe.refunds(placed.order_id) == [500]
    assert orders.status(payments, placed.order_id) == "refunded"


def test_an_intent_that_nobody_paid_is_cancelled(
    payments: Database, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its items are released nothing can be paid any more."""
    monkeypatch.delenv("DEFAULT_PAYMENT_METHOD")
    placed = reserving()
    hear(placed, reserved(placed), released(placed))
    assert [intent["status"] for intent in stripe.intents(placed.order_id)] == ["canceled"]
    [event] = documents.events(payments)
    assert (event["type"], event["reason"]) == ("PaymentFailed", "expired")


def test_the_reconciliation_leaves_alone_what_awaits_its_items(payments: Database, stripe: FakeStripe) -> None:
    """Stripe knows nothing of it. After a day without an answer it is given up; an answer that comes then changes nothing."""
    placed = reserving()
    hear(placed)
    let_time_pass(payments, hours=23)
    assert operations.run(reconcile) == {"looked_at": 0, "waiting": 0}
    let_time_pass(payments, hours=2)
    assert operations.run(reconcile) == {"looked_at": 1, "waiting": 0}
    hear(reserved(placed))
    [event] = documents.events(payments)
    assert (event["type"], event["reason"], stripe.proxy.requests) == ("PaymentFailed", "expired", [])


def test_the_reconciliation_charges_what_a_killed_function_left(payments: Database, stripe: FakeStripe) -> None:
    """The answer was kept, and its event is never delivered again."""
    placed = reserving()
    hear(placed)
    stripe.proxy.fail([Loss.CUT_BEFORE])
    assert on_stock_events.handler(delivered(reserved(placed)), Context()) == failures((0, 0))
    let_time_pass(payments)
    assert operations.run(reconcile) == {"looked_at": 1, "waiting": 0}
    assert stripe.charges(placed.order_id) == [500]


@pytest.mark.parametrize("fault", [Loss.CUT_BEFORE, Loss.CUT_AFTER, Loss.SILENT_AFTER, Refusal(500), Refusal(429)])
def test_waits_for_stripe(payments: Database, stripe: FakeStripe, fault: Loss | Refusal) -> None:
    """While Stripe is down the event is returned and nothing is dead-lettered; then it is charged once."""
    placed = reserving()
    hear(placed)
    for faults in ([fault], [None, fault]):
        stripe.proxy.fail(faults)
        assert on_stock_events.handler(delivered(reserved(placed)), Context()) == failures((0, 0))
    hear(reserved(placed))
    assert stripe.charges(placed.order_id) == [500]
    assert orders.told(payments, placed.order_id) == ["PaymentCompleted"]


def test_a_payment_that_stripe_still_processes_holds_up_no_other(
    payments: Database, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe cancels none that is under way at a bank, for days perhaps: the reconciliation sees to it when it ends."""
    monkeypatch.delenv("DEFAULT_PAYMENT_METHOD")
    slow, other = reserving(), reserving()
    hear(slow, reserved(slow), other)
    monkeypatch.setitem(gateway.STEPS, "cancel", lambda _: News(waiting_for="processing"))
    both = delivered(released(slow), reserved(other))
    assert on_stock_events.handler(both, Context()) == ALL
    assert orders.status(payments, slow.order_id) == "cancelling"
    assert orders.status(payments, other.order_id) == "requires_payment_method"


def test_two_topics_at_once_lose_no_answer(
    payments: Database, stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order and answer are kept by two consumers at the same moment: one of them sees both."""
    monkeypatch.setattr(gateway, "TIMEOUT_SECONDS", 10)
    answers: list[object] = []
    # A batch that is returned, as when it waits too long for the other's locks, proves nothing: further orders may.
    for _ in range(5):
        placed = [reserving() for _ in range(24)]
        deliveries = [
            (on_order_events.handler, delivered(*placed)),
            (on_stock_events.handler, delivered(*map(reserved, reversed(placed)))),
        ]
        with ThreadPoolExecutor(2) as consumers:
            answers = list(consumers.map(lambda each: each[0](each[1], Context()), deliveries))
        if answers == [ALL, ALL]:
            break
    database.reset()
    assert answers == [ALL, ALL]
    assert [stripe.charges(order.order_id) for order in placed] == [[500]] * 24


def test_what_it_is_told_of_an_unknown_order_waits_for_it(payments: Database, stripe: FakeStripe) -> None:
    """Nothing is asked of Stripe, and nobody is told anything."""
    placed = reserving()
    hear(reserved(placed))
    assert (orders.status(payments, placed.order_id), documents.events(payments)) == (None, [])
    hear(placed)
    assert stripe.charges(placed.order_id) == [500]
