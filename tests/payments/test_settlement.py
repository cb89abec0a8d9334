"""Exactly one charge per order, whatever is lost, repeated or killed on the way."""

import random
import signal
from functools import partial
from itertools import count
from uuid import UUID

import pytest

from kernel.contracts.orders import OrderCreated
from kernel.messaging.consumer import Batch
from payments.on_order_events import handler
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch
from tests.kit.proxy import Fault, Loss
from tests.kit.published import delivered, published
from tests.kit.servers import wait_until
from tests.payments import orders
from tests.payments.consumer_process import consuming
from tests.payments.fake_stripe import FakeStripe
from tests.payments.orders import cancelled, created

type Outcome = tuple[list[int], list[int], list[str]]

ALL: dict[str, list[object]] = {"batchItemFailures": []}
DECLINED = "pm_card_visa_chargeDeclinedInsufficientFunds"
# Silence is the rarest, as each is waited for.
LOSSES: list[Fault] = [*([Loss.CUT_BEFORE, Loss.CUT_AFTER] * 3), Loss.SILENT_BEFORE, Loss.SILENT_AFTER]


def outcome(payments: Database, stripe: FakeStripe, order_id: UUID) -> Outcome:
    """What was taken, what was given back, and what was told of it."""
    return stripe.charges(order_id), stripe.refunds(order_id), orders.told(payments, order_id)


def test_charges_once_while_half_of_all_calls_are_lost(payments: Database, stripe: FakeStripe) -> None:
    """24 orders, every batch delivered 3 times and until it is taken, each call lost before or after Stripe heard it
    with a chance of 1 in 2; a third of the orders are cancelled, a third declined."""
    several = [created(payment_method=DECLINED if number % 3 == 0 else None) for number in range(24)]
    given_up = [order for number, order in enumerate(several) if number % 3 == 1]
    records = [{**published(order, number), "partition": number % 4} for number, order in enumerate(several)]
    records += [
        {**published(cancelled(order), 100 + number), "partition": several.index(order) % 4}
        for number, order in enumerate(given_up)
    ]
    chance = random.Random(20261121)  # noqa: S311 - a repeatable test
    stripe.proxy.fail(chance.choice([*LOSSES, *([None] * len(LOSSES))]) for _ in count())
    for part in (batch(*records[:12]), batch(*records[12:])):
        for _ in range(2):
            handler(part, Context())
        wait_until(partial(_takes_all, part), seconds=60)
    stripe.proxy.fail([])
    for number, order in enumerate(several):
        charges, refunds, told = outcome(payments, stripe, order.order_id)
        if number % 3 == 0:
            assert (charges, refunds, told) == ([], [], ["PaymentFailed"])
        elif number % 3 == 1:
            assert charges == refunds
            assert (charges, told) in [([], []), ([500], ["PaymentCompleted", "PaymentRefunded"])]
        else:
            assert (charges, refunds, told) == ([500], [], ["PaymentCompleted"])
    assert payments.rows("SELECT count(*) FROM outbox WHERE topic LIKE '%%-dlq'") == [(0,)]


# What the order is charged to, whether it is cancelled, how many calls of Stripe it takes, and how it ends.
SCENARIOS: dict[str, tuple[str | None, bool, int, Outcome]] = {
    "paid": (None, False, 2, ([500], [], ["PaymentCompleted"])),
    "declined": (DECLINED, False, 3, ([], [], ["PaymentFailed"])),
    "cancelled": (None, True, 2, ([], [], [])),
}


@pytest.mark.parametrize("moment", [Loss.SILENT_BEFORE, Loss.SILENT_AFTER])
@pytest.mark.parametrize(
    ("name", "call"), [(name, call) for name, scenario in SCENARIOS.items() for call in range(scenario[2])]
)
def test_goes_on_where_a_killed_process_stopped_in_a_call(
    payments: Database, stripe: FakeStripe, name: str, call: int, moment: Loss
) -> None:
    """kill -9 during each call of Stripe, before and after Stripe heard it; the redelivery ends as if nothing was."""
    payment_method, is_cancelled, _, expected = SCENARIOS[name]
    order = created(payment_method=payment_method)
    delivery = delivered(order, *([cancelled(order)] if is_cancelled else []))
    stripe.proxy.fail([None] * call + [moment])
    with consuming(delivery) as process:
        wait_until(lambda: len(stripe.proxy.requests) == call + 1, what="the call")
        if moment is Loss.SILENT_AFTER:
            wait_until(lambda: _heard(stripe, order, call), what="Stripe's effect")
        process.kill()
        process.join()
    assert handler(delivery, Context()) == ALL
    assert outcome(payments, stripe, order.order_id) == expected
    assert len(stripe.intents(order.order_id)) == 1


@pytest.mark.parametrize("moment", [Loss.SILENT_BEFORE, Loss.SILENT_AFTER])
def test_goes_on_where_a_killed_process_stopped_in_a_refund(
    payments: Database, stripe: FakeStripe, moment: Loss
) -> None:
    """The same of the refund of an order that was paid."""
    order = created()
    handler(delivered(order), Context())
    delivery = delivered(cancelled(order), start=1)
    stripe.proxy.fail([moment])
    with consuming(delivery) as process:
        wait_until(lambda: stripe.proxy.count("POST", "/v1/refunds"), what="the refund")
        if moment is Loss.SILENT_AFTER:
            wait_until(lambda: stripe.refunds(order.order_id), what="Stripe's effect")
        process.kill()
        process.join()
    assert handler(delivery, Context()) == ALL
    assert outcome(payments, stripe, order.order_id) == ([500], [500], ["PaymentCompleted", "PaymentRefunded"])


@pytest.mark.parametrize("name", ["paid", "declined", "refunded"])
def test_goes_on_where_a_killed_process_stopped_in_the_database(
    payments: Database, stripe: FakeStripe, name: str
) -> None:
    """kill -9 before each statement that a batch sends: what is redelivered ends as if nothing was."""
    for number in count(1):
        order = created(payment_method=DECLINED if name == "declined" else None)
        delivery = delivered(order)
        expected = SCENARIOS.get(name, SCENARIOS["paid"])[3]
        if name == "refunded":
            handler(delivery, Context())
            delivery = delivered(cancelled(order), start=1)
            expected = ([500], [500], ["PaymentCompleted", "PaymentRefunded"])
        with consuming(delivery, fatal_statement=number) as process:
            process.join(20)
            assert process.exitcode in (0, -signal.SIGKILL)
        assert handler(delivery, Context()) == ALL
        assert outcome(payments, stripe, order.order_id) == expected
        if process.exitcode == 0:
            break
    assert number > 6


def test_two_at_once_charge_once(payments: Database, stripe: FakeStripe) -> None:
    """A process that was thought dead goes on with its call while another one has settled the payment."""
    order = created()
    stripe.proxy.fail([None, Loss.SILENT_BEFORE])
    with consuming(delivered(order)) as zombie:
        wait_until(lambda: len(stripe.proxy.requests) == 2, what="the confirmation")
        assert handler(delivered(order), Context()) == ALL
        stripe.proxy.release()
        zombie.join(20)
        assert zombie.exitcode == 0
    assert outcome(payments, stripe, order.order_id) == ([500], [], ["PaymentCompleted"])


def _takes_all(delivery: Batch) -> bool:
    return handler(delivery, Context()) == ALL


def _heard(stripe: FakeStripe, order: OrderCreated, call: int) -> bool:
    """Whether Stripe has done what the order's call of that number asks for."""
    found = [intent["status"] for intent in stripe.intents(order.order_id)]
    before = [[], ["requires_confirmation"], ["requires_payment_method"]]
    return found != before[call]
