"""The rules of the ledger, without a server."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.contracts.transactions import TransactionCreated
from kernel.errors import NotFoundError
from transactions import model
from transactions.model import TransactionView

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def transaction(user: UUID, cents: int = 500) -> TransactionCreated:
    return TransactionCreated(
        transaction_id=uuid4(), user_id=user, amount_cents=cents, currency="EUR", description="rent", created_at=NOW
    )


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(-(10**12), 10**12))), st.sets(st.integers(0, 3)))
@settings(deadline=None)
def test_money_of_forgotten_people_is_booked_without_their_words(
    entries: list[tuple[int, int]], forgotten: set[int]
) -> None:
    """Every transaction is booked once, with its amount; a repeated redaction changes nothing more."""
    events = [transaction(UUID(int=user), cents) for user, cents in entries]
    people = {str(UUID(int=user)) for user in forgotten}

    booked = model.redact(events, people)

    assert [(each.transaction_id, each.amount_cents) for each in booked] == [
        (each.transaction_id, each.amount_cents) for each in events
    ]
    assert {each.description for each in booked if str(each.user_id) in people} <= {""}
    assert {each.description for each in booked if str(each.user_id) not in people} <= {"rent"}
    assert model.redact(booked, people) == booked


def test_a_missing_transaction_is_not_found() -> None:
    """As is another user's, which the store does not return."""
    found = TransactionView(uuid4(), uuid4(), 500, "EUR", "rent", NOW)

    assert model.require(found) is found
    with pytest.raises(NotFoundError, match="You have no such transaction"):
        model.require(None)


def test_a_page_ends_at_a_time_and_an_id() -> None:
    """Two transactions of one moment are told apart by their ids."""
    found = TransactionView(UUID(int=1), uuid4(), 500, "EUR", "rent", NOW)

    assert found.position() == (NOW, UUID(int=1))
