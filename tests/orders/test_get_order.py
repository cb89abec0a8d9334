"""GET /orders/{id}."""

from uuid import uuid4

import pytest

from kernel.storage import redis_server
from kernel.web import rate_limit
from kernel.web.rate_limit import Rate
from orders import get_order
from tests.kit.api import call
from tests.kit.databases import Database
from tests.orders.customers import GUEST, Customer, hear, payment

pytestmark = pytest.mark.usefixtures("orders")


def test_a_customer_reads_their_order_as_it_is_now(ada: Customer) -> None:
    """With what became of the payment, under a tag that changes with it."""
    order = ada.order()
    before = ada.get(order)
    hear(payment(order, "failed"))
    after = ada.get(order)

    assert (before.body["status"], before.headers["ETag"]) == ("created", '"1"')
    assert (after.body["status"], after.headers["ETag"]) == ("failed", '"2"')
    assert after.body["createdAt"] == before.body["createdAt"] < after.body["updatedAt"]
    assert ada.get(order, if_none_match='"2"').status == 304


def test_an_order_is_hidden_from_everybody_else(ada: Customer, bob: Customer) -> None:
    """Another customer, a guest, and who has a wrong token get what they get for an order that never was."""
    order = ada.order()
    strange = GUEST.create({"amount": 500}).body
    attempts = [
        bob.get(order),
        GUEST.get(order),
        GUEST.get(order, order_token=strange["token"]),
        GUEST.get(strange["orderId"]),
        GUEST.get(strange["orderId"], order_token=""),
        GUEST.get(strange["orderId"], order_token=strange["token"][:-1]),
        GUEST.get(strange["orderId"], order_token="\xe9"),
        bob.get(strange["orderId"]),
        ada.get(uuid4()),
        ada.get("no-id"),
    ]
    assert [each.status for each in attempts] == [404] * len(attempts)
    details = {each.body["detail"] for each in attempts[:-1]}
    assert len(details) == 1


def test_a_guests_token_is_good_for_who_has_signed_in_as_well(ada: Customer) -> None:
    """Signing in takes nothing away."""
    placed = GUEST.create({"amount": 500}).body
    assert ada.get(placed["orderId"], order_token=placed["token"]).status == 200


def test_a_token_that_does_not_hold_is_refused(orders: Database, sign_in: object) -> None:
    """A client learns that it must sign in again, instead of that its order is gone."""
    assert GUEST.get(uuid4(), authorization="Bearer nonsense").status == 401


def test_tokens_that_open_no_order_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a burst from one address 429, of an order that exists or not; the right token opens its order still."""
    placed = GUEST.create({"amount": 500}).body
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    monkeypatch.setattr(redis_server, "TIMEOUT_SECONDS", 5)
    monkeypatch.setitem(rate_limit.RATES, "refusal", Rate(burst=3, seconds=60))
    address = str(uuid4())

    def read(order: object, token: str) -> int:
        path, headers = {"id": str(order)}, {"Order-Token": token}
        return call(get_order.handler, path=path, headers=headers, address=address).status

    assert [read(placed["orderId"], "another"), read(uuid4(), "another"), read(uuid4(), placed["token"])] == [404] * 3
    assert read(placed["orderId"], "another") == 429
    assert read(uuid4(), "another") == 429
    assert read(placed["orderId"], placed["token"]) == 200
