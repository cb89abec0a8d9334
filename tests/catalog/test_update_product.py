"""PUT /api/v1/products/{id}."""

import pytest

from tests.catalog.indexing import TABLE
from tests.kit.databases import Database
from tests.kit.documents import Person, at_once, events, wrong_fields

NEW = {**TABLE, "name": "Elm table", "priceCents": 100, "currency": "EUR", "stock": 4}


def test_says_anew_what_a_product_is(catalog: Database, seller: Person) -> None:
    """The next version has the new fields, its tag and its old date, and its event the whole state."""
    product = seller.create(TABLE).body
    answer = seller.update(product["id"], NEW)
    assert (answer.status, answer.headers["ETag"]) == (200, '"2"')
    assert answer.body == {**product, **NEW, "version": 2, "updatedAt": answer.body["updatedAt"]}
    told = events(catalog)[1]
    assert (told["type"], told["version"], told["priceCents"], told["stock"]) == ("product-updated", 2, 100, 4)


def test_what_is_the_same_is_no_change(catalog: Database, seller: Person) -> None:
    """The same request twice makes one version and one event."""
    product = seller.create(TABLE).body["id"]
    first, second = (seller.update(product, NEW) for _ in range(2))
    assert (first.body, first.headers["ETag"]) == (second.body, second.headers["ETag"])
    assert len(events(catalog)) == 2


def test_only_who_may_write_the_catalog_changes(seller: Person, customer: Person, visitor: Person) -> None:
    """A visitor gets 401, a customer 403, and the product stays."""
    product = seller.create(TABLE).body
    assert (visitor.update(product["id"], NEW).status, customer.update(product["id"], NEW).status) == (401, 403)
    assert seller.get(product["id"]).body == product


@pytest.mark.parametrize("path_id", ["1", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_product_is_not_found(seller: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404."""
    assert seller.update(path_id, NEW).status == 404


def test_wrong_fields_are_named(seller: Person) -> None:
    """A replacement is checked as a new product is."""
    product = seller.create(TABLE).body["id"]
    answer = seller.update(product, {"name": "x", "priceCents": -1, "version": 9})
    assert (answer.status, wrong_fields(answer)) == (400, {"category", "priceCents", "version"})


def test_of_simultaneous_changes_of_one_version_one_wins(catalog: Database, seller: Person) -> None:
    """Ten who have read the same version: one is told 200 and its price stays, nine are told 412."""
    product = seller.create(TABLE)
    answers = at_once(
        [
            lambda n=n: seller.update(product.body["id"], {**NEW, "priceCents": n}, if_match=product.headers["ETag"])  # type: ignore[misc]  # mypy cannot infer a lambda's default
            for n in range(10)
        ]
    )
    [winner] = [answer for answer in answers if answer.status == 200]
    assert [answer.status for answer in answers if answer is not winner] == [412] * 9
    assert seller.get(product.body["id"]).body == winner.body
    assert [event["priceCents"] for event in events(catalog)] == [49900, winner.body["priceCents"]]
