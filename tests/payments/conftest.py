"""A payments database, the variables of its functions, and Stripe's keys."""

import time
from collections.abc import Iterator

import pytest

from kernel.aws import secrets
from kernel.storage import database
from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from payments import gateway
from payments.credentials import Credentials
from tests.kit import databases
from tests.kit.databases import Database
from tests.kit.proxy import faulty
from tests.payments import stripe_messages
from tests.payments.fake_stripe import FakeStripe


@pytest.fixture(scope="session")
def payments_template(postgres: str) -> Database:
    return databases.migrated(postgres, "payments")


@pytest.fixture
def payments(payments_template: Database, redis: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A database of its own, where the functions connect as the role `app`."""
    with databases.copied(payments_template) as found:
        monkeypatch.setenv("DATABASE_URL_PAYMENTS", found.url("app"))
        monkeypatch.setenv("REDIS_URL", redis)
        monkeypatch.setenv("RATE_LIMIT_FACTOR", "1000")
        yield found
        database.reset()


@pytest.fixture(autouse=True)
def consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the consumer."""
    monkeypatch.setenv("TOPIC", "events")
    monkeypatch.setenv("CONSUMER_GROUP", "payments-events")
    monkeypatch.setenv("DEAD_LETTER_TOPIC", "events-payments-dlq")


@pytest.fixture(autouse=True)
def credentials(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret, as if it had just been read."""
    content = Credentials(stripe_account.local(instance).api_key, list(stripe_messages.SECRETS))
    monkeypatch.setitem(secrets._cache, "millrace/local/stripe", secrets._Cached(content, time.time()))


@pytest.fixture
def stripe(stripe_api: str, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    """The local Stripe behind a proxy, with nothing in it; the functions have little patience with it."""
    monkeypatch.setattr(gateway, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setenv("DEFAULT_PAYMENT_METHOD", "pm_card_visa")
    with faulty(stripe_api) as proxy:
        monkeypatch.setenv("STRIPE_API_BASE", proxy.url)
        yield FakeStripe(stripe_api, proxy, stripe_account.local(instance).api_key)
