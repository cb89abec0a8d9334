"""The rebuilding of the index, part by part, while changes go on."""

from typing import Any

import pytest

from catalog import index as catalog_index
from catalog import opensearch, rebuild_index, rebuilding, store
from kernel.storage.database import transaction
from tests.catalog.indexing import TABLE, Index, found
from tests.kit.databases import Database
from tests.kit.documents import Person
from tests.kit.operations import part


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two products a part."""
    monkeypatch.setattr(rebuilding, "PAGE", 2)


def step(cursor: object = None) -> dict[str, Any]:
    return part(rebuild_index.handler, cursor)


def test_brings_back_what_the_index_lost(index: Index, seller: Person) -> None:
    """An index that was lost is made of the database alone, and each answer says how far it is."""
    for _ in range(5):
        seller.create(TABLE)
    done, answer = [], step()
    while answer["next"]:
        answer = step(answer["next"])
        done.append(answer["done"])
    assert done == [2, 4, 5, 5]
    assert answer == {"done": 5, "total": 5, "next": None, "result": None, "error": None}
    assert index.equals_database()
    assert len(catalog_index.behind("products")) == 1
    assert catalog_index.behind("products-next") == []


def test_changes_during_the_rebuild_are_in_the_new_index(index: Index, seller: Person) -> None:
    """Created, changed and deleted, before and after their page is copied; searches see all of it all the time."""
    products = [seller.create(TABLE | {"stock": 1}).body["id"] for _ in range(6)]
    index.consume()
    [old] = catalog_index.behind("products")
    answer = step(step()["next"])
    for product in (products[0], products[5]):
        seller.update(product, TABLE | {"stock": 2})
    for product in (products[1], products[4]):
        seller.delete(product)
    seller.create(TABLE | {"stock": 3})
    assert index.consume() == []
    while answer["next"]:
        assert index.equals_database()
        answer = step(answer["next"])
    assert catalog_index.behind("products") != [old]
    assert index.equals_database()
    assert len(found(inStock="true")) == 5


def test_an_answer_that_was_lost_is_asked_for_again(index: Index, seller: Person) -> None:
    """Each part may be repeated, the last one as well."""
    seller.create(TABLE)
    first = step()
    for _ in range(2):
        second = step(first["next"])
    for _ in range(2):
        assert step(second["next"])["next"] is None
    assert index.equals_database()


def test_to_begin_anew_gives_up_what_was_begun(index: Index, seller: Person) -> None:
    """The first rebuild's next part is refused, the second one ends well, and nothing is left over."""
    seller.create(TABLE)
    given_up, answer = step(), step()
    refused = step(given_up["next"])["error"]
    assert (refused["message"], refused["retry"]) == (
        "This rebuild was given up for a newer one. Start a new one.",
        False,
    )
    while answer["next"]:
        answer = step(answer["next"])
    assert index.equals_database()
    with opensearch.client() as client:
        assert list(client.indices.get_alias(index="products-*")) == catalog_index.behind("products")


def test_a_copy_of_an_old_state_does_not_replace_a_newer_one(index: Index, seller: Person, catalog: Database) -> None:
    """A page that was read before a change and a deletion is written after them."""
    changed, deleted = (seller.create(TABLE).body["id"] for _ in range(2))
    with transaction("catalog") as connection:
        old = store.after(connection, None, 10)
    answer = step()
    seller.update(changed, TABLE | {"stock": 5})
    seller.delete(deleted)
    assert index.consume() == []
    catalog_index.write([catalog_index.of_product(each) for each in old], ["products-next"])
    while answer["next"]:
        answer = step(answer["next"])
    assert index.equals_database()
