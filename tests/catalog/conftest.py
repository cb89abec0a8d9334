"""A catalog database beside a real Redis and, for those who ask for it, a real OpenSearch without any index."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from catalog import create_product, delete_product, get_product, list_products, search_index, update_product
from catalog import opensearch as client
from tests.catalog.indexing import Index
from tests.kit import domains
from tests.kit.databases import Database
from tests.kit.documents import Functions, Person

FUNCTIONS = Functions(create_product, get_product, list_products, update_product, delete_product)


# One seller does in a test what many do in a day.
catalog = domains.database_fixture("catalog", RATE_LIMIT_FACTOR="1000")


@pytest.fixture
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is the indexer, and OpenSearch is asked again at once after a failure."""
    domains.set_consumer(monkeypatch, "catalog", "product-events")
    monkeypatch.setattr(search_index.breaker, "seconds", 0)
    search_index.breaker.record_success()


@pytest.fixture
def index(catalog: Database, consumer: None, opensearch: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    """The index of the database's products, which does not exist yet."""
    monkeypatch.setenv("OPENSEARCH_URL", opensearch)
    # On a busy machine a slow answer must not pass for none.
    monkeypatch.setattr(search_index, "TIMEOUT_SECONDS", 20)
    empty = Index(catalog)
    empty.drop()
    yield empty
    empty.drop()
    client.reset()


@pytest.fixture
def without_opensearch(consumer: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """OpenSearch is down: nobody listens at its address."""
    monkeypatch.setenv("OPENSEARCH_URL", "http://127.0.0.1:1")
    yield
    client.reset()


@pytest.fixture
def seller(catalog: Database, sign_in: Callable[..., dict[str, str]]) -> Person:
    """Somebody who may change products."""
    user_id = uuid4()
    return Person(FUNCTIONS, user_id, sign_in(user_id, scope="user catalog:write"))


@pytest.fixture
def customer(catalog: Database, sign_in: Callable[..., dict[str, str]]) -> Person:
    """Somebody who may not."""
    user_id = uuid4()
    return Person(FUNCTIONS, user_id, sign_in(user_id))


@pytest.fixture
def visitor(catalog: Database, sign_in: Callable[..., dict[str, str]]) -> Person:
    """Somebody who is not signed in."""
    return Person(FUNCTIONS)


@pytest.fixture
def without_redis(catalog: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is down: nobody listens at its address."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
