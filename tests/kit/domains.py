"""Fixtures of a domain as its functions find it: a database of its own, Redis, and the variables of both."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kernel.storage import database
from tests.kit import copies
from tests.kit.databases import Database


def database_fixture(domain: str, *, redis: bool = True, **variables: str) -> Any:  # noqa: ANN401 - pytest's class is private
    """Return the fixture *domain*: an empty, migrated database, where the functions connect as the role `app`.

    *redis*: whether the functions have a Redis.
    *variables*: what else is in their environment.
    """

    @pytest.fixture(name=domain)
    def of_a_domain(
        migrated: Callable[[str], Database], request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[Database]:
        monkeypatch.delenv("REDIS_URL", raising=False)
        if redis:
            request.getfixturevalue("patient_redis")
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        with copies.lent(migrated(domain)) as copy:
            monkeypatch.setenv(f"DATABASE_URL_{domain.upper()}", copy.url("app"))
            yield copy
            database.reset()

    return of_a_domain


def consumer_fixture(domain: str) -> Any:  # noqa: ANN401 - pytest's class is private
    """Return an autouse fixture with the variables of *domain*'s consumers. Each calls its topic `events`."""

    @pytest.fixture(autouse=True)
    def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
        set_consumer(monkeypatch, domain, "events")

    return consumer


def set_consumer(monkeypatch: pytest.MonkeyPatch, domain: str, topic: str) -> None:
    """Set the variables of *domain*'s consumer of *topic*."""
    monkeypatch.setenv("TOPIC", topic)
    monkeypatch.setenv("CONSUMER_GROUP", f"{domain}-{topic}")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", f"{topic}-{domain}-dlq")
