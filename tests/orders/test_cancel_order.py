"""POST /orders/{id}/cancel."""

from uuid import uuid4

import pytest

from tests.kit.databases import Database
from tests.kit.documents import at_once, events
from tests.orders.customers import GUEST, Customer, hear, payment, stored

pytestmark = pytest.mark.usefixtures("sign_in")


def test_what_is_not_paid_is_never_to_be_charged(orders: Database, ada: Customer) -> None:
    """The order is cancelled, others are told, and a payment that was under way does not make it paid."""
    order = ada.order()
    assert ada.cancel(order).body["status"] == "cancelled"
    hear(payment(order, "paid"))

    assert ada.get(order).body["status"] == "cancelled"
    assert [(each["type"], each["version"]) for each in events(orders)] == [("OrderCreated", 1), ("OrderCancelled", 2)]


def test_what_is_paid_is_given_back(orders: Database, ada: Customer) -> None:
    """Cancelled first, and refunded once the money is back."""
    order = ada.order()
    hear(payment(order, "paid"))
    assert ada.cancel(order).body["status"] == "cancelled"
    hear(payment(order, "refunded"))

    assert ada.get(order).body["status"] == "refunded"
    told = [(each["type"], each["version"], each["amount"]) for each in events(orders)]
    assert told[1:] == [("OrderPaid", 2, 500), ("OrderCancelled", 3, 500), ("OrderRefunded", 4, 500)]


@pytest.mark.parametrize("further", [[], ["refunded"]], ids=["cancelled", "refunded"])
def test_cancelling_again_changes_nothing(orders: Database, ada: Customer, further: list[str]) -> None:
    """The same answer, and no further event."""
    order = ada.order()
    ada.cancel(order)
    hear(*(payment(order, each) for each in further))
    before = ada.get(order).body
    again = ada.cancel(order)

    assert (again.status, again.body) == (200, before)
    assert len(stored(orders, order)) == 2 + len(further)


def test_a_failed_order_cannot_be_cancelled(ada: Customer) -> None:
    """Nothing is left of it that could be given back."""
    order = ada.order()
    hear(payment(order, "failed"))
    assert ada.cancel(order).status == 409


def test_only_its_customer_cancels_an_order(orders: Database, ada: Customer, bob: Customer) -> None:
    """For others there is no such order; a guest's order is nobody's to cancel."""
    order, placed = ada.order(), GUEST.create({"amount": 500}).body["orderId"]

    assert [bob.cancel(order).status, bob.cancel(placed).status, bob.cancel(uuid4()).status] == [404] * 3
    assert GUEST.cancel(order).status == 401
    assert len(stored(orders, order)) == len(stored(orders, placed)) == 1


def test_many_cancellations_at_once_are_one(orders: Database, ada: Customer) -> None:
    """All are told that it is cancelled, and it was cancelled once."""
    order = ada.order()
    answers = at_once([lambda: ada.cancel(order)] * 16)

    assert {(each.status, each.body["status"], each.body["version"]) for each in answers} == {(200, "cancelled", 2)}
    assert stored(orders, order) == [(1, "OrderCreated"), (2, "OrderCancelled")]
