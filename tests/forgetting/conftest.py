"""All domains, as they are on one machine."""

import contextlib
import json
from collections.abc import Callable, Iterator

import pytest
from redis import Redis

from kernel.aws import secrets
from kernel.storage import database, redis_server
from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from tests.forgetting.person import Person
from tests.forgetting.platform import Platform
from tests.kit import copies as copied
from tests.kit import stripe_clients, tokens
from tests.kit.aws import Aws
from tests.kit.databases import Database
from tests.kit.ses import SENDER, Ses
from tests.kit.tree import DOMAINS


@pytest.fixture(scope="module")
def platform(
    migrated: Callable[[str], Database], redis: str, stripe_api: str, aws_server: Aws, instance: Instance
) -> Iterator[Platform]:
    """Every domain's database, Redis, the local Stripe and moto's AWS."""
    variables = {
        "SIGNING_KEYS": json.dumps(tokens.SIGNING_KEYS),
        "PUBLIC_KEYS": tokens.PUBLIC_KEYS,
        "REDIS_URL": redis,
        "RATE_LIMIT_FACTOR": "1000",
        "STRIPE_API_BASE": stripe_api,
        "DEFAULT_PAYMENT_METHOD": "pm_card_visa",
        "EMAIL_SENDER": SENDER,
        **aws_server.variables,
    }
    account = stripe_account.local(instance)
    aws_server.reset()
    stripe_clients.put_keys(aws_server, account.api_key, account.webhook_secrets)
    Ses(aws_server)
    secrets.reset()
    redis_server.reset()
    with contextlib.ExitStack() as stack:
        monkeypatch = stack.enter_context(pytest.MonkeyPatch.context())
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(redis_server, "TIMEOUT_SECONDS", 5)
        database.reset()
        own = [domain for domain in DOMAINS if domain != "operations"]
        copies = {domain: stack.enter_context(copied.lent(migrated(domain))) for domain in own}
        for domain, copy in copies.items():
            monkeypatch.setenv(f"DATABASE_URL_{domain.upper()}", copy.url("app"))
        client = stack.enter_context(contextlib.closing(Redis.from_url(redis)))
        client.flushdb()
        yield Platform(copies, client)
        database.reset()
        secrets.reset()


@pytest.fixture
def person(platform: Platform) -> Person:
    """Somebody who has used everything, of which everybody has heard."""
    busy = Person()
    busy.register()
    platform.settle()
    busy.be_busy()
    platform.settle()
    return busy
