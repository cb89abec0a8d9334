"""A transactions database and the variables of its consumer."""

from collections.abc import Iterator

import pytest

from kernel.storage import database
from tests.kit import databases
from tests.kit.databases import Database


@pytest.fixture(scope="session")
def transactions_template(postgres: str) -> Database:
    return databases.migrated(postgres, "transactions")


@pytest.fixture
def transactions(transactions_template: Database, redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of its own, where the functions connect as the role `app`."""
    with databases.copied(transactions_template) as found:
        monkeypatch.setenv("DATABASE_URL_TRANSACTIONS", found.url("app"))
        monkeypatch.setenv("REDIS_URL", redis)
        yield found
        database.reset()


@pytest.fixture(autouse=True)
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of a consumer. Each calls its topic `events`: they differ in their groups."""
    monkeypatch.setenv("TOPIC", "events")
    monkeypatch.setenv("CONSUMER_GROUP", "transactions-events")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-transactions-dlq")
