"""Orders stay as they were told, of an account that nobody knows; nothing more is ordered for it."""

from orders.rebuild_order_list import handler as rebuild
from tests.forgetting.deletions import hear_of
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.orders.customers import Customer, hear, payment


def test_keeps_the_orders_and_none_of_their_kept_answers(orders: Database, ada: Customer, bob: Customer) -> None:
    """Payments go on being heard, and the list can be rebuilt."""
    assert ada.id is not None
    for customer in (ada, bob):
        assert customer.create({"amount": 500}, idempotency_key="first").status == 201
    order = ada.order()
    hear_of("orders", ada.id)
    assert orders.rows("SELECT principal FROM idempotency_keys") == [(str(bob.id),)]
    hear(payment(order, "paid"))
    assert orders.rows("SELECT status FROM order_list WHERE order_id = %s", order) == [("paid",)]
    assert rebuild({}, Context())["done"] == 3
    assert orders.rows("SELECT status FROM order_list WHERE order_id = %s", order) == [("paid",)]


def test_a_token_that_is_still_valid_orders_nothing(orders: Database, ada: Customer) -> None:
    """401 that says why: nothing is kept, published or charged."""
    assert ada.id is not None
    hear_of("orders", ada.id)
    refused = ada.create({"amount": 500})
    assert (refused.status, refused.body["detail"]) == (
        401,
        "This account was deleted. Its access tokens are no longer valid.",
    )
    assert orders.rows("SELECT order_id FROM order_events UNION ALL SELECT gen_random_uuid() FROM outbox") == []
