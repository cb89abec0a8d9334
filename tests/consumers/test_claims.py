"""What docs/consumers.md claims of consumers, tried: late events, and events that come again after the inbox forgot them.

`tests/notifications/test_on_user_events.py` tries the addresses, `tests/catalog/test_on_product_events.py` the index, and the
models of holds and payments have properties of their own. The others are tried here on real databases.
"""

import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest

from activity.on_user_activity_events import handler as store_activity
from kernel.contracts.activity import EventType, UserEvent
from kernel.contracts.blogs import BlogPublished, BlogUpdated
from kernel.contracts.catalog import ProductCreated, ProductDeleted, ProductUpdated
from kernel.contracts.event import Event
from kernel.contracts.payments import (
    PaymentCompleted,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentPartiallyRefunded,
    PaymentRefunded,
)
from kernel.contracts.transactions import TransactionCreated
from kernel.messaging.consumer import Consumer
from notifications.on_blog_events import handler as notify_author
from orders import repository
from orders.events import OrderCreated
from orders.on_payment_events import handler as follow_payment
from orders.on_product_events import handler as store_product
from tests.kit import domains
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, failures
from tests.kit.published import delivered
from transactions.on_transaction_events import handler as book

pytestmark = pytest.mark.usefixtures("postgres")

NOW = datetime(2026, 11, 27, tzinfo=UTC)
STATE: dict[str, Any] = {
    "name": "Table",
    "description": "",
    "category": "c",
    "currency": "EUR",
    "stock": 1,
    "created_at": NOW,
    "updated_at": NOW,
}
DISPUTE: dict[str, Any] = {"dispute_id": "dp_1", "disputed_amount": 500, "reason": "fraudulent"}

transactions = domains.database_fixture("transactions", redis=False)
orders = domains.database_fixture("orders", redis=False)
notifications = domains.database_fixture("notifications", redis=False)


class Claim(NamedTuple):
    """*events*: of a key, in their order. *state*: what the consumer has stored of a key, without times and new ids."""

    domain: str
    consumer: Consumer[Any]
    events: Callable[[UUID], list[Event]]
    state: Callable[[Database, UUID], object]


def of_activity(key: UUID) -> list[Event]:
    kinds = (EventType.LOGIN, EventType.PRODUCT_VIEW, EventType.LOGOUT)
    return [UserEvent(event_id=uuid4(), user_id=str(key), event_type=kind, timestamp=NOW) for kind in kinds]


def of_ledger(key: UUID) -> list[Event]:
    return [
        TransactionCreated(
            transaction_id=uuid4(), user_id=key, amount_cents=amount, currency="EUR", description="d", created_at=NOW
        )
        for amount in (500, -200, 30)
    ]


def of_product(key: UUID) -> list[Event]:
    return [
        ProductCreated(product_id=key, version=1, price_cents=100, **STATE),
        ProductUpdated(product_id=key, version=2, price_cents=200, **STATE),
        ProductDeleted(product_id=key, version=3),
    ]


def of_payment(key: UUID) -> list[Event]:
    return [
        PaymentCompleted(order_id=key, amount=500),
        PaymentPartiallyRefunded(order_id=key, amount=500, version=1, amount_refunded=100),
        PaymentRefunded(order_id=key, amount=500, version=2),
        PaymentDisputed(order_id=key, amount=500, version=3, status="needs_response", **DISPUTE),
        PaymentDisputeClosed(order_id=key, amount=500, version=4, status="won", **DISPUTE),
    ]


def of_blog(key: UUID) -> list[Event]:
    return [BlogPublished(blog_id=key, title="a", author_id=key), BlogUpdated(blog_id=key, title="b", author_id=key)]


def activity_state(database: Database, key: UUID) -> object:
    return database.rows("SELECT event_type FROM events WHERE user_id = %s ORDER BY 1", str(key))


def ledger_state(database: Database, key: UUID) -> object:
    return database.rows("SELECT currency, balance_cents, transactions FROM balances WHERE user_id = %s", key)


def product_state(database: Database, key: UUID) -> object:
    return database.rows("SELECT version, price_cents FROM products WHERE product_id = %s", key)


def order_state(database: Database, key: UUID) -> object:
    with database.connect() as connection:
        order = repository.get(connection, key)
    assert order
    return order.status, order.amount_refunded, order.disputes, order.payment_version


def notification_state(database: Database, key: UUID) -> object:
    return database.rows("SELECT type, message FROM notifications WHERE user_id = %s ORDER BY 2", key)


CLAIMS = {
    "activity.on_user_activity_events": Claim("activity", store_activity, of_activity, activity_state),
    "notifications.on_blog_events": Claim("notifications", notify_author, of_blog, notification_state),
    "orders.on_payment_events": Claim("orders", follow_payment, of_payment, order_state),
    "orders.on_product_events": Claim("orders", store_product, of_product, product_state),
    "transactions.on_transaction_events": Claim("transactions", book, of_ledger, ledger_state),
}


@pytest.fixture(params=CLAIMS)
def claim(request: pytest.FixtureRequest) -> Claim:
    return CLAIMS[request.param]


@pytest.fixture
def database(claim: Claim, request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(claim.domain)
    assert isinstance(found, Database)
    return found


def new_key(database: Database) -> UUID:
    """A key of which nothing is known, or of orders: an order that was just placed."""
    key = uuid4()
    if database.domain == "orders":
        with database.connect("app") as connection, connection.transaction():
            repository.add(connection, key, OrderCreated(amount=500, currency="USD"))
    return key


def apply(claim: Claim, events: Iterable[Event]) -> None:
    """Hand each of the events to the consumer in a batch of its own. Each time it has another event id."""
    for event in events:
        assert claim.consumer(delivered(event), Context()) == failures()


def test_late_events_lead_to_the_same_state(claim: Claim, database: Database) -> None:
    """In each sequence of the events of one key, as redriven dead letters make them."""
    key = new_key(database)
    apply(claim, claim.events(key))
    expected = claim.state(database, key)

    for places in itertools.permutations(range(len(claim.events(key)))):
        other = new_key(database)
        several = claim.events(other)
        apply(claim, [several[place] for place in places])
        assert claim.state(database, other) == expected, places


def test_an_effect_is_doubled_without_the_inbox_only_where_it_is_declared(claim: Claim, database: Database) -> None:
    """The events come again, all of them and each old one alone, and the inbox does not know them."""
    key = new_key(database)
    events = claim.events(key)
    apply(claim, events)
    expected = claim.state(database, key)

    for again in (events, *([event] for event in events)):
        with database.connect() as connection:
            connection.execute("DELETE FROM inbox")
        apply(claim, again)
        assert (claim.state(database, key) == expected) == claim.consumer.idempotent_without_inbox
