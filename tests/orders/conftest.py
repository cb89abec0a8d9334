"""An orders database, the variables of its consumers, and customers."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from kernel.storage import database
from tests.kit import databases
from tests.kit.databases import Database
from tests.orders.customers import FUNCTIONS, Customer


@pytest.fixture(scope="session")
def orders_template(postgres: str) -> Database:
    return databases.migrated(postgres, "orders")


@pytest.fixture
def orders(orders_template: Database, redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of its own, where the functions connect as the role `app`."""
    with databases.copied(orders_template) as found:
        monkeypatch.setenv("DATABASE_URL_ORDERS", found.url("app"))
        monkeypatch.setenv("REDIS_URL", redis)
        monkeypatch.setenv("RATE_LIMIT_FACTOR", "1000")
        yield found
        database.reset()


@pytest.fixture(autouse=True)
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of a consumer. Each calls its topic `events`."""
    monkeypatch.setenv("TOPIC", "events")
    monkeypatch.setenv("CONSUMER_GROUP", "orders-events")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-orders-dlq")


@pytest.fixture
def ada(orders: Database, sign_in: Callable[..., dict[str, str]]) -> Customer:
    user_id = uuid4()
    return Customer(FUNCTIONS, user_id, sign_in(user_id))


@pytest.fixture
def bob(orders: Database, sign_in: Callable[..., dict[str, str]]) -> Customer:
    user_id = uuid4()
    return Customer(FUNCTIONS, user_id, sign_in(user_id))
