"""GET /api/v1/products/{id}, and the cache behind it."""

from uuid import UUID

import pytest

from catalog import store
from catalog.model import Product
from kernel.storage.database import Connection
from tests.catalog.indexing import TABLE
from tests.kit.documents import Person


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """The products that were read from the database, in order."""
    found: list[UUID] = []
    load = store.get

    def counted(connection: Connection, product_id: UUID) -> Product | None:
        found.append(product_id)
        return load(connection, product_id)

    monkeypatch.setattr(store, "get", counted)
    return found


def test_everybody_reads_a_product_from_the_cache(seller: Person, visitor: Person, loads: list[UUID]) -> None:
    """The second reader is served by Redis, with the same body and tag."""
    created = seller.create(TABLE)
    for _ in range(2):
        answer = visitor.get(created.body["id"])
        assert (answer.status, answer.body, answer.headers["ETag"]) == (200, created.body, created.headers["ETag"])
    assert loads == [UUID(created.body["id"])]
    assert visitor.get(created.body["id"], if_none_match='"1"').status == 304


def test_a_change_is_visible_to_the_next_reader(seller: Person, visitor: Person) -> None:
    """After an update nobody is served what the cache held before."""
    product = seller.create(TABLE).body["id"]
    assert visitor.get(product).body["stock"] == 0
    seller.update(product, {**TABLE, "stock": 5})
    assert visitor.get(product).body["stock"] == 5


@pytest.mark.parametrize("path_id", ["1", "oak-table", "00000000-0000-7000-8000-000000000000"])
def test_what_is_no_product_is_not_found(visitor: Person, path_id: str) -> None:
    """An id of nothing and text that is no id are both 404."""
    assert visitor.get(path_id).status == 404


def test_everything_works_without_redis(without_redis: None, seller: Person, visitor: Person) -> None:
    """While Redis is down every answer is the latest, from the database."""
    product = seller.create(TABLE).body["id"]
    for stock in (1, 2):
        assert seller.update(product, {**TABLE, "stock": stock}).status == 200
        assert visitor.get(product).body["stock"] == stock
