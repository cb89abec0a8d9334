"""What is known of a payment does not depend on the order in which it became known."""

from dataclasses import dataclass
from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kernel import ids
from kernel.contracts.payments import PaymentCompleted, PaymentEvent, PaymentFailed, PaymentRefunded
from payments import model
from payments.announcements import announce
from payments.model import Money, News, Payment
from payments.pieces import Answer, Stock
from tests.payments import orders

OPEN = Payment(ids.new(), None, 500, "USD", "pm_card_visa")
RESERVING = replace(OPEN, reserves_stock=True)
# The catalog refuses pieces, or reserves them and may release them later.
STOCKS = st.sampled_from(
    [
        [News(answer=Answer("refused", "out_of_stock"))],
        [News(answer=Answer("reserved"))],
        [News(answer=Answer("reserved")), News(answer=Answer("released", "expired"))],
        [News(answer=Answer("reserved")), News(answer=Answer("released", "cancelled")), News(cancelled=True)],
    ]
)
# Of one intent Stripe says either that it took the money, or that it is cancelled.
TAKEN = [News(money="taken"), News(money="returned"), News(cancelled=True), News(failure_reason="declined")]
ENDED = [News(money="ended"), News(cancelled=True), News(failure_reason="declined")]
EITHER = st.sampled_from([TAKEN, ENDED])
RANK = [PaymentFailed, PaymentCompleted, PaymentRefunded]


@dataclass
class History:
    """A payment, and what was told of it, as news arrive."""

    payment: Payment

    def __post_init__(self) -> None:
        self.told: list[PaymentEvent] = []

    def hear(self, news: News) -> None:
        after = self.payment.after(news)
        self.payment, told = announce(self.payment, after)
        self.told += told

    @property
    def types(self) -> list[type[PaymentEvent]]:
        return [type(each) for each in self.told]


@given(st.data())
def test_any_order_and_repetition_of_news_ends_alike(data: st.DataObject) -> None:
    """All of some news, in two orders and with repetitions, lead to one status and to one last word on the money."""
    news = data.draw(EITHER.flatmap(lambda several: st.lists(st.sampled_from(several), min_size=1, unique=True)))
    ends = []
    for _ in range(2):
        history = History(OPEN)
        repeated = data.draw(st.lists(st.sampled_from(news), max_size=6))
        for each in data.draw(st.permutations([*news, *repeated])):
            history.hear(each)
        money = [kind for kind in history.types if kind is not PaymentFailed]
        ends.append((history.payment.status, history.payment.amount_refunded, money))
    assert ends[0] == ends[1]


@given(st.data())
def test_any_order_of_news_of_pieces_and_money_ends_alike(data: st.DataObject) -> None:
    """What the catalog, Stripe and the order say may arrive mixed in any way, and repeatedly."""
    news = data.draw(STOCKS) + data.draw(
        EITHER.flatmap(lambda several: st.lists(st.sampled_from(several), unique=True))
    )
    ends = []
    for _ in range(2):
        history = History(RESERVING)
        for each in data.draw(st.permutations(news + data.draw(st.lists(st.sampled_from(news), max_size=6)))):
            history.hear(each)
        ends.append((history.payment, history.payment.status, history.payment.next_step))
    assert ends[0] == ends[1]


@given(st.data())
def test_nothing_is_asked_of_stripe_without_pieces(data: st.DataObject) -> None:
    """Nothing is created or confirmed while they are awaited or refused, and nothing is kept for pieces that are gone."""
    news = data.draw(STOCKS) + data.draw(
        EITHER.flatmap(lambda several: st.lists(st.sampled_from(several), unique=True))
    )
    payment = RESERVING
    for each in data.draw(st.permutations(news)):
        payment = payment.after(each)
        if payment.stock in (None, "refused"):
            assert payment.next_step in (None, "abandon", "refund")
        if payment.stock != "reserved":
            assert payment.next_step != "confirm"
        if payment.stock in ("refused", "released") and payment.money == "taken":
            assert payment.next_step == "refund"


def test_pieces_are_nothing_to_an_order_that_does_not_reserve() -> None:
    """Whatever is told of them."""
    for stock in get_args(Stock):
        assert OPEN.after(News(answer=Answer(stock, "expired"))) == OPEN


@given(st.lists(EITHER.flatmap(st.sampled_from), max_size=12))
def test_each_outcome_is_told_once_and_in_order(news: list[News]) -> None:
    """Whatever arrives, and however often: at most one of each event, and nothing is refunded before it was paid."""
    history = History(OPEN)
    for each in news:
        history.hear(each)
    assert history.types == sorted(set(history.types), key=RANK.index)
    assert (PaymentRefunded not in history.types) or (PaymentCompleted in history.types)


@given(st.lists(EITHER.flatmap(st.sampled_from), max_size=12))
def test_a_step_is_only_wanted_where_it_can_be_taken(news: list[News]) -> None:
    """Nothing is confirmed that was cancelled or given up, and nothing refunded that was not taken."""
    payment = OPEN.after(News(intent_id="pi_1"))
    for each in news:
        payment = payment.after(each)
        if payment.next_step == "confirm":
            assert not payment.cancelled
            assert payment.failure_reason is None
        if payment.next_step == "refund":
            assert payment.cancelled
            assert payment.money == "taken"


@pytest.mark.parametrize(
    "news", list(permutations([News(money="taken"), News(cancelled=True), News(money="returned")]))
)
def test_a_cancelled_order_that_was_paid_is_paid_and_refunded(news: tuple[News, ...]) -> None:
    """Others hear of both, whatever we heard first."""
    history = History(OPEN)
    for each in news:
        history.hear(each)
    assert (history.payment.status, history.types) == ("refunded", [PaymentCompleted, PaymentRefunded])


@pytest.mark.parametrize(
    ("money", "cancelled", "status"),
    [
        ("open", False, "pending"),
        ("open", True, "cancelling"),
        ("ended", False, "failed"),
        ("ended", True, "cancelled"),
        ("taken", False, "completed"),
        ("taken", True, "refunding"),
        ("returned", False, "refunded"),
        ("returned", True, "refunded"),
    ],
)
def test_the_status_is_of_the_money_and_the_order(money: Money, cancelled: bool, status: str) -> None:  # noqa: FBT001 - a table's column
    """What the customer is shown follows from the two."""
    assert OPEN.after(News(money, cancelled)).status == status


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (orders.created(amount=0), "invalid_amount"),
        (orders.created(amount=-500), "invalid_amount"),
        (orders.created(amount=100_000_000), "invalid_amount"),
        (orders.created(currency="dollars"), "invalid_currency"),
        (orders.created(currency="XXY"), "invalid_currency"),
        (orders.created(currency="UGX"), "invalid_currency"),
        (orders.created(currency="MGA"), "invalid_currency"),
        (orders.created(currency="XAU"), "invalid_currency"),
        (orders.created(currency="KWD", amount=5124), "invalid_amount"),
        (orders.created(payment_method="4242424242424242"), "invalid_payment_method"),
        (orders.created(payment_method="pm_1/../refunds"), "invalid_payment_method"),
    ],
)
def test_what_can_never_be_charged_has_failed_at_once(order: object, reason: str) -> None:
    """Clearly, and without asking Stripe; a card's number that was given for a name is not kept."""
    payment = model.of_order(order, "pm_card_visa")  # type: ignore[arg-type]
    assert (payment.status, payment.failure_reason, payment.next_step) == ("failed", reason, None)
    assert payment.payment_method in (None, "pm_card_visa")


def test_a_bare_order_is_charged_to_the_usual_payment_method() -> None:
    """An existing client's order names no more than its amount."""
    payment = model.of_order(orders.created(), "pm_card_visa")
    assert (payment.currency, payment.payment_method, payment.next_step) == ("USD", "pm_card_visa", "create")
    assert model.of_order(orders.created(payment_method="pm_own"), "pm_card_visa").payment_method == "pm_own"


def test_a_client_may_try_another_card() -> None:
    """A decline ends a payment that we confirm, not one that waits for its client."""
    assert OPEN.after(model.decline(OPEN, "insufficient_funds")).status == "cancelling"
    waiting = Payment(ids.new(), None, 500, "USD", None)
    assert waiting.after(model.decline(waiting, "insufficient_funds")).status == "requires_payment_method"


def test_the_intent_that_was_kept_stays() -> None:
    """A second one, of a process that was thought dead, is never confirmed."""
    payment = OPEN.after(News(intent_id="pi_1", client_secret="pi_1_secret"))
    assert payment.after(News(intent_id="pi_2", client_secret="pi_2_secret")) == payment
