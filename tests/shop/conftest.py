"""The four domains of a sale, each with a database of its own, a Stripe in memory, and events that arrive at random."""

import contextlib
from collections.abc import Callable, Iterator

import pytest

from kernel.storage import database
from payments import gateway
from tests.kit import copies
from tests.kit.databases import Database
from tests.shop.market import Market
from tests.shop.stripe_in_memory import StripeInMemory

DOMAINS = ("catalog", "orders", "payments", "notifications")


@pytest.fixture
def market(
    migrated: Callable[[str], Database],
    patient_redis: str,
    sign_in: Callable[..., dict[str, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Market]:
    """An empty one. All of its consumers run in this process, one after the other."""
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "100000")
    database.reset()
    stripe = StripeInMemory()
    monkeypatch.setattr(gateway, "STEPS", stripe.steps)
    monkeypatch.setattr(gateway, "_look", stripe.look)
    with contextlib.ExitStack() as stack:
        owners = {}
        for domain in DOMAINS:
            copy = stack.enter_context(copies.lent(migrated(domain)))
            owners[copy.domain] = stack.enter_context(copy.connect())
            monkeypatch.setenv(f"DATABASE_URL_{copy.domain.upper()}", copy.url("app"))
        yield Market(owners, stripe, sign_in, monkeypatch)
        database.reset()
