"""POST /orders: for an amount or for items, as a guest or as a customer."""

import hashlib
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from psycopg import sql

from kernel.contracts.catalog import ProductDeleted
from orders import create_order, on_product_events
from tests.kit.api import call
from tests.kit.databases import Database
from tests.kit.documents import at_once, events, wrong_fields
from tests.kit.lambda_events import Context
from tests.kit.published import delivered
from tests.orders.customers import ALL, GUEST, Customer, on_sale, stored

pytestmark = pytest.mark.usefixtures("sign_in")


def everything(orders: Database) -> str:
    """All rows of all tables, as text."""
    tables = orders.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    with orders.connect() as connection:
        query = sql.SQL("SELECT {0}::text FROM {0}")
        found = [connection.execute(query.format(sql.Identifier(name))).fetchall() for (name,) in tables]
    return str(found)


def test_a_guest_orders_for_an_amount(orders: Database) -> None:
    """The request of existing clients gets 201 with the order, and others are told of it in the agreed shape."""
    answer = GUEST.create({"amount": 500})

    assert answer.status == 201, answer.body
    order = answer.body
    assert order == {
        "orderId": order["orderId"],
        "customerId": None,
        "status": "created",
        "amount": 500,
        "currency": "USD",
        "items": [],
        "failureReason": None,
        "amountRefunded": 0,
        "refundFailureReason": None,
        "disputes": [],
        "cancelledAt": None,
        "paymentVersion": 0,
        "version": 1,
        "createdAt": order["createdAt"],
        "updatedAt": order["createdAt"],
        "token": order["token"],
    }
    assert UUID(order["orderId"]).version == 7
    assert (answer.headers["ETag"], answer.headers["Location"]) == ('"1"', f"orders/{order['orderId']}")
    assert events(orders) == [
        {
            "topic": "order-events",
            "key": order["orderId"],
            "type": "OrderCreated",
            "orderId": order["orderId"],
            "amount": 500,
            "customerId": None,
            "version": 1,
            "currency": "USD",
            "items": [],
            "paymentMethod": None,
            "reservesStock": False,
        }
    ]


def test_a_guests_token_reads_that_order_and_is_not_kept(orders: Database) -> None:
    """256 bits, of which the database has the hash and nothing more; it opens no other order."""
    mine, other = GUEST.create({"amount": 500}).body, GUEST.create({"amount": 500}).body

    assert len(mine["token"]) == 43
    assert GUEST.get(mine["orderId"], order_token=mine["token"]).body["amount"] == 500
    assert GUEST.get(other["orderId"], order_token=mine["token"]).status == 404
    kept = everything(orders)
    assert mine["token"] not in kept
    assert hashlib.sha256(mine["token"].encode()).hexdigest() in kept


def test_a_signed_in_users_order_is_theirs(orders: Database, ada: Customer) -> None:
    """It names the customer, has no token, and keeps currency and payment method for whoever charges it."""
    order = ada.create({"amount": 500, "currency": "EUR", "paymentMethod": "pm_card_visa"}).body

    assert (order["customerId"], order["currency"], order["token"]) == (str(ada.id), "EUR", None)
    [event] = events(orders)
    assert (event["customerId"], event["currency"], event["paymentMethod"]) == (str(ada.id), "EUR", "pm_card_visa")


def test_items_have_the_catalogs_prices(orders: Database, ada: Customer) -> None:
    """The amount is the sum of what the items cost now; the order says what each did, and that they are reserved."""
    table, chair = on_sale(), on_sale(name="Chair", price_cents=9_900)
    wanted = [{"productId": table, "quantity": 2, "priceCents": 49_900}, {"productId": chair, "quantity": 4}]
    order = ada.create({"items": wanted}).body

    assert (order["amount"], order["currency"]) == (2 * 49_900 + 4 * 9_900, "EUR")
    assert order["items"] == [
        {"productId": table, "name": "Oak table", "quantity": 2, "unitPriceCents": 49_900},
        {"productId": chair, "name": "Chair", "quantity": 4, "unitPriceCents": 9_900},
    ]
    [event] = events(orders)
    assert (event["items"], event["reservesStock"]) == (order["items"], True)


def test_an_order_keeps_the_price_at_which_it_was_placed(ada: Customer) -> None:
    """A product that becomes dearer afterwards makes no order dearer."""
    table = on_sale()
    order = ada.create({"items": [{"productId": table, "quantity": 1}]}).body
    on_sale(product_id=UUID(table), version=2, price_cents=99_900)

    assert ada.get(order["orderId"]).body["amount"] == 49_900


def test_unknown_and_deleted_products_are_named(orders: Database, ada: Customer) -> None:
    """The refusal says which items are not on sale, and nothing is ordered."""
    table, gone = on_sale(), on_sale()
    deleted = ProductDeleted(product_id=UUID(gone), version=2)
    assert on_product_events.handler(delivered(deleted), Context()) == ALL
    wanted = [{"productId": each, "quantity": 1} for each in (gone, table, str(uuid4()))]
    answer = ada.create({"items": wanted})

    assert answer.status == 422
    assert wrong_fields(answer) == {"items[0].productId", "items[2].productId"}
    assert events(orders) == []


def test_stale_prices_and_missing_stock_are_named(orders: Database, ada: Customer) -> None:
    """Each price that is another by now is told with the present one, and each item of which there are too few."""
    table, chair, lamp = on_sale(), on_sale(stock=3), on_sale(price_cents=2_000, stock=1)
    wanted = [
        {"productId": table, "quantity": 1, "priceCents": 45_000},
        {"productId": chair, "quantity": 3, "priceCents": 49_900},
        {"productId": lamp, "quantity": 2, "priceCents": 1_000},
    ]
    answer = ada.create({"items": wanted})

    assert answer.status == 409
    assert answer.body["errors"] == [
        {"path": "items[0].priceCents", "message": "is now 49900, not 45000"},
        {"path": "items[2].priceCents", "message": "is now 2000, not 1000"},
        {"path": "items[2].quantity", "message": "is more than the 1 in stock"},
    ]
    assert events(orders) == []


def test_items_of_two_currencies_or_too_dear_are_no_order(ada: Customer) -> None:
    """One order is one payment, of an amount that a card can be charged."""
    euro, dollar, gift = on_sale(), on_sale(currency="USD"), on_sale(price_cents=0)
    mansion = on_sale(price_cents=99_999_999)
    for several in ([euro, dollar], [gift], [mansion, euro]):
        assert ada.create({"items": [{"productId": each, "quantity": 1} for each in several]}).status == 422


def test_items_of_a_currency_that_nobody_can_be_charged_in_are_no_order(orders: Database, ada: Customer) -> None:
    """Products of an older release have such prices: they are shown, and nobody is charged 100 times their price."""
    for price, currency in ((500, "MGA"), (500, "UGX"), (500, "XAU"), (5124, "KWD")):
        product = on_sale(price_cents=price, currency=currency)
        assert ada.create({"items": [{"productId": product, "quantity": 1}]}).status == 422
    assert events(orders) == []
    dinars = on_sale(price_cents=5120, currency="KWD")
    assert ada.create({"items": [{"productId": dinars, "quantity": 1}]}).status == 201


def test_items_need_a_customer(orders: Database) -> None:
    """A guest can order an amount alone."""
    answer = GUEST.create({"items": [{"productId": on_sale(), "quantity": 1}]})
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")


def test_a_token_that_allows_nothing_orders_nothing(sign_in: Callable[..., dict[str, str]], orders: Database) -> None:
    """Whoever shows a token is judged by it, and is no guest."""
    assert call(create_order.handler, "POST", {"amount": 500}, headers=sign_in(uuid4(), scope="")).status == 403


ITEM = {"productId": "0190a3c0-7f4b-7c11-9d1e-5f0c2b7a9e10", "quantity": 1}
WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({}, {"body"}),
    ({"amount": 500, "items": [ITEM]}, {"body"}),
    ({"amount": 0}, {"amount"}),
    ({"amount": 100_000_000}, {"amount"}),
    ({"amount": 5.5}, {"amount"}),
    ({"amount": "500"}, {"amount"}),
    ({"amount": 500, "currency": "usd"}, {"currency"}),
    ({"amount": 500, "currency": "XQQ"}, {"currency"}),
    ({"amount": 500, "currency": "USD\n"}, {"currency"}),
    ({"amount": 500, "currency": "XAU"}, {"currency"}),
    ({"amount": 500, "currency": "MGA"}, {"currency"}),
    ({"amount": 5124, "currency": "KWD"}, {"amount"}),
    ({"amount": 500, "paymentMethod": "4242424242424242"}, {"paymentMethod"}),
    ({"amount": 500, "card": "4242424242424242"}, {"card"}),
    ({"items": []}, {"items"}),
    ({"items": [ITEM] * 51}, {"items"}),
    ({"items": [ITEM, ITEM]}, {"items[1].productId"}),
    ({"items": [ITEM], "currency": "EUR"}, {"currency"}),
    ({"items": [{**ITEM, "quantity": 0}]}, {"items[0].quantity"}),
    ({"items": [{**ITEM, "quantity": 1000}]}, {"items[0].quantity"}),
    ({"items": [{**ITEM, "priceCents": -1}]}, {"items[0].priceCents"}),
]


@pytest.mark.parametrize(
    ("body", "fields"), WRONG, ids=lambda each: json.dumps(each)[:60] if isinstance(each, dict) else ""
)
def test_refuses_what_is_no_order(orders: Database, ada: Customer, body: dict[str, Any], fields: set[str]) -> None:
    """400, naming each wrong field, and nothing is ordered."""
    answer = ada.create(body)
    assert (answer.status, wrong_fields(answer)) == (400, fields)
    assert events(orders) == []


def test_the_same_key_orders_once(orders: Database, ada: Customer) -> None:
    """Ten at once with one Idempotency-Key: one order, and all get its answer; a guest gets the same token again."""
    for customer in (ada, GUEST):
        key = str(uuid4())
        answers = at_once([lambda who=customer, key=key: who.create({"amount": 500}, idempotency_key=key)] * 10)  # type: ignore[misc]
        assert {each.status for each in answers} == {201}
        assert len({(each.body["orderId"], each.body["token"]) for each in answers}) == 1
        assert len(stored(orders, answers[0].body["orderId"])) == 1
        assert customer.create({"amount": 501}, idempotency_key=key).status == 422
    assert len(events(orders)) == 2


def test_nobody_tries_cards_by_the_hundred(orders: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders are counted more strictly than other changes: twenty at once from one address, and then 429."""
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1")
    address = str(uuid4())
    answers = [call(create_order.handler, "POST", {"amount": 500}, address=address) for _ in range(21)]
    assert [each.status for each in answers] == [201] * 20 + [429]


def test_every_event_names_the_request_that_led_to_it(orders: Database, ada: Customer) -> None:
    """The gateway's id, so that a line in the log is found from the row."""
    ada.order()
    [(causation,)] = orders.rows("SELECT causation FROM order_events")
    assert UUID(causation).version == 4
