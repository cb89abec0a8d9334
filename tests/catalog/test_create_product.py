"""POST /api/v1/products."""

from uuid import UUID, uuid4

import pytest

from kernel.messaging import outbox
from tests.catalog.indexing import TABLE
from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events, wrong_fields


def test_a_product_is_offered_and_told(catalog: Database, seller: Person) -> None:
    """201 with the product, its address and its tag; the event holds its whole state."""
    answer = seller.create(TABLE)
    assert answer.status == 201, answer.body
    product = answer.body
    assert product == {
        **TABLE,
        "id": product["id"],
        "currency": "USD",
        "stock": 0,
        "version": 1,
        "createdAt": product["createdAt"],
        "updatedAt": product["createdAt"],
    }
    assert UUID(product["id"]).version == 7
    assert (answer.headers["ETag"], answer.headers["Location"]) == ('"1"', f"products/{product['id']}")
    state = {name: value for name, value in product.items() if name != "id"}
    told = {"topic": "product-events", "key": product["id"], "type": "product-created", "productId": product["id"]}
    assert events(catalog) == [{**told, **state}]


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"name", "category", "priceCents"}),
        ({**TABLE, "name": " "}, {"name"}),
        ({**TABLE, "description": "x" * 10_001}, {"description"}),
        ({**TABLE, "category": "Garden Furniture"}, {"category"}),
        ({**TABLE, "priceCents": -1, "stock": -1}, {"priceCents", "stock"}),
        ({**TABLE, "priceCents": 1.5}, {"priceCents"}),
        ({**TABLE, "currency": "usd"}, {"currency"}),
        ({**TABLE, "currency": "ZZZ"}, {"currency"}),
        ({**TABLE, "currency": "XAU"}, {"currency"}),
        ({**TABLE, "currency": "MGA"}, {"currency"}),
        ({**TABLE, "currency": "KWD", "priceCents": 5124}, {"priceCents"}),
        ({**TABLE, "id": str(uuid4()), "version": 7}, {"id", "version"}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(
    catalog: Database, seller: Person, body: object, wrong: set[str]
) -> None:
    """Each wrong, missing or unknown field has its own problem."""
    answer = seller.create(body)
    assert (answer.status, wrong_fields(answer)) == (400, wrong)
    assert catalog.rows("SELECT id FROM products") == []
    assert events(catalog) == []


def test_only_who_may_write_the_catalog_offers(catalog: Database, customer: Person, visitor: Person) -> None:
    """A visitor gets 401, a customer 403, and nothing is kept."""
    assert (visitor.create(TABLE).status, customer.create(TABLE).status) == (401, 403)
    assert catalog.rows("SELECT id FROM products") == []


def test_a_repeated_request_gets_the_first_answer(catalog: Database, seller: Person) -> None:
    """With an Idempotency-Key one product and one event come of many simultaneous requests."""
    key = str(uuid4())
    answers = at_once([lambda: seller.create(TABLE, idempotency_key=key)] * 8)
    assert {answer.status for answer in answers} == {201}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert len(catalog.rows("SELECT id FROM products")) == len(events(catalog)) == 1
    assert seller.create({**TABLE, "name": "another"}, idempotency_key=key).status == 422


def test_a_product_and_its_event_are_kept_together_or_not_at_all(
    catalog: Database, seller: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A function that dies between the two statements leaves neither."""

    def fail(*_: object) -> None:
        raise RuntimeError("the function dies here")

    with monkeypatch.context() as broken:
        broken.setattr(outbox, "add", fail)
        assert seller.create(TABLE).status == 500
    assert catalog.rows("SELECT id FROM products") == []
