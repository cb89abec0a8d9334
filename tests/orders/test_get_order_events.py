"""GET /orders/{id}/events."""

import pytest

from tests.kit.databases import Database
from tests.orders.customers import GUEST, Customer, hear, payment

pytestmark = pytest.mark.usefixtures("sign_in")


def test_tells_what_happened_in_order(ada: Customer) -> None:
    """Each event with its version, type, data and time; how the customer pays is left out."""
    placed = ada.create({"amount": 500, "paymentMethod": "pm_card_visa"}).body
    hear(payment(placed["orderId"], "failed"), payment(placed["orderId"], "paid"))
    ada.cancel(placed["orderId"])
    history = ada.history(placed["orderId"]).body

    assert [(each["version"], each["type"]) for each in history] == [
        (1, "OrderCreated"),
        (2, "OrderPaymentFailed"),
        (3, "OrderPaid"),
        (4, "OrderCancelled"),
    ]
    data = {"amount": 500, "currency": "USD", "customerId": str(ada.id), "items": [], "reservesStock": False}
    assert history[0] == {
        "version": 1,
        "type": "OrderCreated",
        "data": data,
        "recordedAt": placed["createdAt"],
    }
    assert [each["data"] for each in history[1:]] == [{"reason": None}, {}, {}]
    times = [each["recordedAt"] for each in history]
    assert times == sorted(times)


def test_leads_from_page_to_page(ada: Customer) -> None:
    """A long history is read in pieces, each event once."""
    order = ada.order()
    hear(payment(order, "failed"), payment(order, "paid"), payment(order, "refunded"))
    first = ada.history(order, query={"limit": "3"})
    cursor = first.headers["Link"].partition("cursor=")[2].partition(">")[0]
    second = ada.history(order, query={"limit": "3", "cursor": cursor})

    assert [each["version"] for each in first.body + second.body] == [1, 2, 3, 4]
    assert "Link" not in second.headers


def test_is_shown_to_who_may_read_the_order(orders: Database, ada: Customer, bob: Customer) -> None:
    """Its customer, or a guest with its token."""
    order, placed = ada.order(), GUEST.create({"amount": 500}).body

    assert [bob.history(order).status, GUEST.history(order).status] == [404, 404]
    assert GUEST.history(placed["orderId"], order_token=placed["token"]).status == 200
    assert placed["token"] not in str(GUEST.history(placed["orderId"], order_token=placed["token"]).body)
    assert GUEST.history(placed["orderId"]).status == 404
