"""The ledger holds every transaction once, and balances are the sums of it."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel import ids
from kernel.contracts.transactions import TransactionCreated
from kernel.storage.database import Connection
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, failures, record
from tests.kit.published import delivered, published
from transactions import store
from transactions.on_transaction_events import handler

ALL: dict[str, list[object]] = {"batchItemFailures": []}
store_book = store.book


def created(user_id: UUID, amount_cents: int = 500, currency: str = "EUR") -> TransactionCreated:
    return TransactionCreated(
        transaction_id=ids.new(),
        user_id=user_id,
        amount_cents=amount_cents,
        currency=currency,
        description="Lunch",
        created_at=datetime.now(UTC),
    )


def balances(ledger: Database, user_id: UUID) -> dict[str, int]:
    return dict(ledger.rows("SELECT currency, balance_cents FROM balances WHERE user_id = %s", user_id))


def test_books_transactions_and_adds_them_up_by_user_and_currency(transactions: Database) -> None:
    """A balance is the sum of one user's entries in one currency, outgoing ones included."""
    ada, bob = uuid4(), uuid4()
    several = [created(ada, 500), created(ada, -200), created(ada, 70, "USD"), created(bob, 9)]
    assert handler(delivered(*several), Context()) == ALL
    assert balances(transactions, ada) == {"EUR": 300, "USD": 70}
    assert balances(transactions, bob) == {"EUR": 9}


def test_books_a_redelivered_transaction_once(transactions: Database) -> None:
    """The same batch three times, and the same transaction under another event id, change nothing more."""
    event = created(uuid4())
    batch_of_it = delivered(event, event)
    for _ in range(3):
        assert handler(batch_of_it, Context()) == ALL
    handler(delivered(event, start=10), Context())
    assert balances(transactions, event.user_id) == {"EUR": 500}
    assert transactions.rows("SELECT count(*) FROM entries") == [(1,)]


def test_books_what_a_client_without_headers_wrote(transactions: Database) -> None:
    """A plain JSON record, with fields we do not know, is booked as well."""
    user_id = uuid4()
    value = {
        "type": "transaction_created",
        "transactionId": str(uuid4()),
        "userId": str(user_id),
        "amountCents": 1250,
        "currency": "EUR",
        "description": "Lunch",
        "createdAt": "2026-11-21T06:00:00Z",
        "mood": "hungry",
    }
    assert handler(batch(record(json.dumps(value).encode())), Context()) == ALL
    assert balances(transactions, user_id) == {"EUR": 1250}


def test_dead_letters_what_is_no_transaction_and_books_the_rest(transactions: Database) -> None:
    """A currency that is none, and a record that is not JSON, are dead-lettered; their neighbours are booked."""
    event = created(uuid4())
    wrong = published(created(uuid4(), currency="euro"), 1)
    assert handler(batch(published(event, 0), wrong, record(b"{", 2)), Context()) == ALL
    assert balances(transactions, event.user_id) == {"EUR": 500}
    assert transactions.rows("SELECT topic FROM outbox") == [("events-transactions-dlq",)] * 2


def test_gives_the_batch_back_while_the_database_is_gone(
    transactions: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a database nothing is dead-lettered: the batch is delivered again, and then booked."""
    event = created(uuid4())
    with monkeypatch.context() as patch:
        patch.setenv("DATABASE_URL_TRANSACTIONS", "postgresql://nobody@127.0.0.1:1/nothing")
        assert handler(delivered(event), Context()) == failures((0, 0))
    assert handler(delivered(event), Context()) == ALL
    assert balances(transactions, event.user_id) == {"EUR": 500}


class Delivery(NamedTuple):
    """*events*: which of the transactions, by number, and whether under another event id. *crash*: when the session
    is cut: before or after the booking, or not at all."""

    events: list[tuple[int, bool]]
    crash: str | None


NUMBER_OF_TRANSACTIONS = 8
PLACES = st.tuples(st.integers(0, NUMBER_OF_TRANSACTIONS - 1), st.booleans())
DELIVERIES = st.lists(
    st.builds(Delivery, st.lists(PLACES, min_size=1, max_size=12), st.sampled_from([None, None, "before", "after"])),
    max_size=6,
)
ENTRIES = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(["EUR", "USD"]), st.integers(-(10**9), 10**9)),
    min_size=NUMBER_OF_TRANSACTIONS,
    max_size=NUMBER_OF_TRANSACTIONS,
)


@given(entries=ENTRIES, deliveries=DELIVERIES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_balances_are_right_however_the_events_arrive(
    transactions: Database,
    monkeypatch: pytest.MonkeyPatch,
    entries: list[tuple[int, str, int]],
    deliveries: list[Delivery],
) -> None:
    """Whatever is repeated, reordered, published twice or cut off halfway: in the end each transaction counts once."""
    users = [uuid4(), uuid4()]
    several = [created(users[user], amount, currency) for user, currency, amount in entries]
    records = [published(event, number) for number, event in enumerate(several)]
    again = [published(event, 100 + number) for number, event in enumerate(several)]
    whole = Delivery([(number, False) for number in range(NUMBER_OF_TRANSACTIONS)], None)
    for delivery in [*deliveries, whole]:
        monkeypatch.setattr(store, "book", crashing(delivery.crash))
        handler(batch(*(again[number] if other else records[number] for number, other in delivery.events)), Context())
    expected: Counter[tuple[UUID, str]] = Counter()
    for event in several:
        expected[event.user_id, event.currency] += event.amount_cents
    rows = transactions.rows("SELECT user_id, currency, balance_cents FROM balances WHERE user_id = ANY(%s)", users)
    assert {(user_id, currency): cents for user_id, currency, cents in rows} == dict(expected)
    [(booked,)] = transactions.rows("SELECT count(*) FROM entries WHERE user_id = ANY(%s)", users)
    assert booked == len(several)


def crashing(when: str | None) -> Callable[[Connection, list[TransactionCreated]], None]:
    """The booking in a session that is cut before or after it, as a killed function's or a failing server's is."""

    def booked(connection: Connection, events: list[TransactionCreated]) -> None:
        if when == "after":
            store_book(connection, events)
        if when is not None:
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        store_book(connection, events)

    return booked


def test_balances_are_right_when_many_book_at_once(transactions: Database) -> None:
    """Six writers with overlapping batches in different orders: no deadlock, and each transaction counts once."""
    users = [uuid4(), uuid4(), uuid4()]
    several = [created(users[number % 3], number) for number in range(300)]
    start = threading.Barrier(6)

    def book(writer: int) -> None:
        with psycopg.connect(transactions.url("app")) as connection:
            start.wait()
            rotated = several[writer * 40 :] + several[: writer * 40]
            for part in (rotated[:200], rotated[100:], rotated[::-1]):
                with connection.transaction():
                    store_book(connection, part)

    with ThreadPoolExecutor(6) as writers:
        list(writers.map(book, range(6)))
    for user in range(3):
        assert balances(transactions, users[user]) == {"EUR": sum(range(user, 300, 3))}


@pytest.mark.parametrize(
    "statement", ["UPDATE entries SET amount_cents = 0", "DELETE FROM entries", "TRUNCATE entries"]
)
@pytest.mark.parametrize("role", ["app", "relay", "ro"])
def test_nobody_who_serves_requests_can_change_the_ledger(transactions: Database, role: str, statement: str) -> None:
    """What is booked stays booked: the database refuses to change or delete an entry."""
    with transactions.connect(role) as connection, pytest.raises(psycopg.errors.DatabaseError) as refused:
        connection.execute(statement.encode())
    assert refused.value.sqlstate in ("42501", "25006")
