"""A notifications database and the variables with which its functions find their surroundings."""

from collections.abc import Iterator

import pytest

from kernel.storage import database
from millrace_local.instance import Instance
from tests.kit import databases
from tests.kit import ses as simple_email_service
from tests.kit.databases import Database
from tests.kit.ses import Ses


@pytest.fixture(scope="session")
def notifications_template(postgres: str) -> Database:
    return databases.migrated(postgres, "notifications")


@pytest.fixture
def notifications(notifications_template: Database, redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of its own, where the functions connect as the role `app`."""
    with databases.copied(notifications_template) as found:
        monkeypatch.setenv("DATABASE_URL_NOTIFICATIONS", found.url("app"))
        monkeypatch.setenv("REDIS_URL", redis)
        yield found
        database.reset()


@pytest.fixture(autouse=True)
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of a consumer. Each calls its topic `events`: they differ in their groups."""
    monkeypatch.setenv("TOPIC", "events")
    monkeypatch.setenv("CONSUMER_GROUP", "notifications-events")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-notifications-dlq")


@pytest.fixture
def ses(localstack: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ses]:
    """LocalStack's SES, where the functions send from a verified address."""
    with simple_email_service.gated(localstack.localstack_url) as found:
        for name, value in found.variables.items():
            monkeypatch.setenv(name, value)
        yield found
