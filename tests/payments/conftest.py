"""A payments database, the variables of its functions, and Stripe's keys."""

from collections.abc import Iterator

import pytest

from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from payments import gateway
from tests.kit import domains, stripe_clients
from tests.kit.aws import Aws
from tests.kit.proxy import faulty
from tests.payments import stripe_messages
from tests.payments.fake_stripe import FakeStripe

payments = domains.database_fixture("payments", RATE_LIMIT_FACTOR="1000")
consumer = domains.consumer_fixture("payments")


@pytest.fixture(autouse=True)
def credentials(aws: Aws, instance: Instance) -> None:
    """The secret of the local Stripe's account, with which tests sign webhooks, too."""
    stripe_clients.put_keys(aws, stripe_account.local(instance).api_key, stripe_messages.SECRETS)


@pytest.fixture
def stripe(stripe_api: str, instance: Instance, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    """The local Stripe behind a proxy, with nothing in it; the functions have little patience with it."""
    monkeypatch.setattr(gateway, "TIMEOUT_SECONDS", 0.5)
    monkeypatch.setenv("DEFAULT_PAYMENT_METHOD", "pm_card_visa")
    with faulty(stripe_api) as proxy:
        monkeypatch.setenv("STRIPE_API_BASE", proxy.url)
        yield FakeStripe(stripe_api, proxy, stripe_account.local(instance).api_key)
