"""The rules of orders, without a server."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations, product
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.contracts.event import type_of
from kernel.errors import ConflictError
from orders import events, model
from orders.events import (
    OrderCancelled,
    OrderCreated,
    OrderDisputeClosed,
    OrderDisputed,
    OrderEvent,
    OrderPaid,
    OrderPartiallyRefunded,
    OrderPaymentFailed,
    OrderRefunded,
    OrderRefundFailed,
    UnreadableEventError,
)
from orders.model import Order, Recorded, Status
from tests.orders.customers import payment

ID, CUSTOMER = UUID(int=1), UUID(int=2)
START = datetime(2026, 11, 21, tzinfo=UTC)
CREATED = OrderCreated(amount=500, currency="EUR", customer_id=CUSTOMER)
LATER: tuple[OrderEvent, ...] = (OrderPaid(), OrderPaymentFailed(reason="no"), OrderCancelled(), OrderRefunded())
MONEY_BACK: tuple[OrderEvent, ...] = (
    OrderPartiallyRefunded(amount_refunded=200, payment_version=1),
    OrderRefundFailed(amount_refunded=0, payment_version=2, reason="expired_or_canceled_card"),
    OrderDisputed(dispute_id="du_1", disputed_amount=500, status="needs_response", reason="fraudulent"),
    OrderDisputeClosed(dispute_id="du_1", disputed_amount=500, status="won", reason="fraudulent"),
)
HISTORIES = st.lists(st.sampled_from(LATER)).map(lambda later: recorded(CREATED, *later))


def recorded(*several: OrderEvent) -> list[Recorded]:
    return [Recorded(number, START + timedelta(seconds=number), event) for number, event in enumerate(several, 1)]


def after(*several: OrderEvent) -> Order:
    order = model.fold(ID, recorded(CREATED, *several))
    assert order is not None
    return order


def told(order: Order, decide: Callable[[Order], OrderEvent | None]) -> Order:
    """The order after what was decided of it."""
    event = decide(order)
    return order if event is None else model.evolve(ID, order, Recorded(order.version + 1, START, event))


IN: dict[Status, Order] = {
    "created": after(),
    "failed": after(OrderPaymentFailed(reason="no")),
    "paid": after(OrderPaid()),
    "cancelled": after(OrderCancelled()),
    "refunded": after(OrderPaid(), OrderCancelled(), OrderRefunded()),
}
# What each order becomes when it hears of its payment; where it is as before, there is no event.
HEARS: dict[str, dict[Status, Status]] = {
    "failed": {
        "created": "failed",
        "failed": "failed",
        "paid": "paid",
        "cancelled": "cancelled",
        "refunded": "refunded",
    },
    # Money that was taken was taken, also when a refusal was heard of first.
    "paid": {"created": "paid", "failed": "paid", "paid": "paid", "cancelled": "cancelled", "refunded": "refunded"},
    "refunded": dict.fromkeys(("created", "failed", "paid", "cancelled", "refunded"), "refunded"),
}


@pytest.mark.parametrize(("news", "before"), list(product(HEARS, IN)))
def test_an_order_hears_of_its_payment(news: str, before: Status) -> None:
    """The whole table: what is news leads on, what is not leads nowhere."""
    event = model.follow_payment(IN[before], payment(ID, news))
    expected = HEARS[news][before]

    assert (event is None) == (expected == before)
    assert told(IN[before], lambda order: model.follow_payment(order, payment(ID, news))).status == expected


@pytest.mark.parametrize("before", ["created", "paid"])
def test_an_order_can_be_cancelled_until_it_is_over(before: Status) -> None:
    """Before it is paid, and afterwards."""
    assert model.cancel(IN[before], CUSTOMER) == OrderCancelled()


@pytest.mark.parametrize("before", ["cancelled", "refunded"])
def test_what_is_over_is_not_cancelled_again(before: Status) -> None:
    """There is no event, and no error."""
    assert model.cancel(IN[before], CUSTOMER) is None


def test_what_failed_is_not_cancelled() -> None:
    """Its customer is told that there is nothing to be given back."""
    with pytest.raises(ConflictError):
        model.cancel(IN["failed"], CUSTOMER)


@pytest.mark.parametrize("count", range(5))
def test_the_order_of_the_news_does_not_matter(count: int) -> None:
    """Every selection of news, in every order, repeated or not: the last status is that of the furthest."""
    for several in product(HEARS, repeat=count):
        ends = set()
        for news in permutations(several):
            order = IN["created"]
            for each in news:
                order = told(order, lambda order, each=each: model.follow_payment(order, payment(ID, each)))  # type: ignore[misc]
            ends.add(order.status)
        assert len(ends) == 1


@given(HISTORIES, st.data())
def test_folding_any_prefix_is_deterministic(history: list[Recorded], data: st.DataObject) -> None:
    """A prefix gives the same order each time, whatever follows; going on from it gives the same as all at once."""
    cut = data.draw(st.integers(1, len(history)))
    prefix = model.fold(ID, history[:cut])

    assert prefix == model.fold(ID, iter(list(history[:cut])))
    assert prefix is not None
    assert prefix.version == cut
    assert model.fold(ID, history[cut:], prefix) == model.fold(ID, history)
    assert history == recorded(CREATED, *(each.event for each in history[1:]))


def test_nothing_is_made_of_nothing() -> None:
    """No history is no order, and one without its beginning is an error."""
    assert model.fold(ID, []) is None
    with pytest.raises(UnreadableEventError):
        model.fold(ID, recorded(OrderPaid()))


@pytest.mark.parametrize("event", [CREATED, *LATER, *MONEY_BACK], ids=lambda event: type(event).__name__)
def test_others_are_told_of_every_event(event: OrderEvent) -> None:
    """Under the same name, with the order's amount, customer and version, and with all that the event tells."""
    order = after(event)
    news = model.announce(order, event)

    assert type_of(type(news)) == type(event).__name__
    assert (news.order_id, news.amount, news.customer_id, news.version) == (ID, 500, CUSTOMER, 2)
    assert {name: getattr(news, name) for name in event.__struct_fields__} == {
        name: getattr(event, name) for name in event.__struct_fields__
    }


def test_every_stored_type_leads_somewhere() -> None:
    """A new event cannot be stored without the model knowing what it means and what others are told."""
    assert set(model.CONTRACTS) == {type(each) for each in (CREATED, *LATER, *MONEY_BACK)} == set(events.TYPES.values())
    assert set(model.LEADS_TO) == {type(each) for each in (CREATED, *LATER)}
    assert set(model.LEADS_TO.values()) == set(model.STATUSES)
    for each in MONEY_BACK:
        assert after(each).status == "created"
