"""The ledger keeps its amounts, and forgets what they were for."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from kernel.contracts.transactions import TransactionCreated
from tests.forgetting.deletions import hear_of
from tests.forgetting.platform import CONSUMERS, consume
from tests.kit.databases import Database
from tests.kit.published import delivered


def book(*people: UUID) -> None:
    """Hand a transaction of each to the ledger."""
    [consumer] = [each for each in CONSUMERS if each.module == "transactions.on_transaction_events"]
    events = [
        TransactionCreated(
            transaction_id=uuid4(),
            user_id=person,
            amount_cents=500,
            currency="EUR",
            description="Coffee",
            created_at=datetime.now(UTC),
        )
        for person in people
    ]
    consume(consumer, delivered(*events))


def test_blanks_descriptions_and_keeps_amounts(transactions: Database) -> None:
    """Also of what is booked late: its amount counts. Others' descriptions stay."""
    person, other = uuid4(), uuid4()
    book(person, other)
    for _ in range(2):
        hear_of("transactions", person)
    book(person, other)
    entries = transactions.rows("SELECT user_id, amount_cents, description FROM entries ORDER BY user_id = %s", person)
    assert entries == [(other, 500, "Coffee")] * 2 + [(person, 500, "")] * 2
    balances = transactions.rows("SELECT user_id, balance_cents, transactions FROM balances")
    assert set(balances) == {(person, 1000, 2), (other, 1000, 2)}


def test_the_application_still_cannot_change_the_ledger(transactions: Database) -> None:
    """It may have a person forgotten, and nothing else."""
    book(uuid4())
    with transactions.connect("app") as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("UPDATE entries SET description = ''")


def test_blanks_a_long_ledger_part_by_part(transactions: Database) -> None:
    """20,000 entries."""
    person = uuid4()
    with transactions.connect() as connection:
        connection.execute(
            """
            INSERT INTO entries (id, user_id, amount_cents, currency, description, created_at)
            SELECT gen_random_uuid(), %s, 1, 'EUR', 'Coffee', now() FROM generate_series(1, 20000)
            """,
            (person,),
        )
    hear_of("transactions", person)
    assert transactions.rows("SELECT count(*), sum(amount_cents)::int FROM entries WHERE description = ''") == [
        (20_000, 20_000)
    ]
