"""GET /orders."""

import pytest

from tests.orders.customers import GUEST, Customer, hear, payment

pytestmark = pytest.mark.usefixtures("orders")


def test_lists_the_callers_orders_newest_first_page_by_page(ada: Customer, bob: Customer) -> None:
    """Following the links shows each of one's own orders once, and nobody else's."""
    placed = [ada.order(amount) for amount in range(1, 6)]
    bob.order()
    GUEST.create({"amount": 500})
    pages = list(ada.pages(limit=2))

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [each["orderId"] for page in pages for each in page] == [str(each) for each in reversed(placed)]


def test_shows_what_each_order_has_become(ada: Customer) -> None:
    """The list knows of a payment as soon as the order does, and can be narrowed to one status."""
    paid, waiting = ada.order(7), ada.order()
    hear(payment(paid, "paid"))

    [entry] = ada.list(status="paid").body
    assert entry == {
        "orderId": str(paid),
        "status": "paid",
        "amount": 7,
        "currency": "USD",
        "createdAt": entry["createdAt"],
        "updatedAt": entry["updatedAt"],
    }
    assert [each["orderId"] for each in ada.list(status="created").body] == [str(waiting)]
    assert ada.list(status="lost").status == 400


def test_needs_a_token(sign_in: object) -> None:
    """A guest has one order and no list."""
    assert GUEST.list().status == 401
