"""Owners, and nobody else, read their transactions and their balance."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import pytest

from kernel import ids
from kernel.contracts.transactions import TransactionCreated
from tests.kit.api import call
from tests.kit.lambda_events import Context
from tests.kit.published import delivered
from transactions import get_balance, get_transaction, list_transactions
from transactions.on_transaction_events import handler as book

pytestmark = pytest.mark.usefixtures("transactions")

type SignIn = Callable[..., dict[str, str]]


def booked(user_id: UUID, amount_cents: int, *, age: int = 0, currency: str = "EUR") -> UUID:
    event = TransactionCreated(
        transaction_id=ids.new(),
        user_id=user_id,
        amount_cents=amount_cents,
        currency=currency,
        description=f"{amount_cents} cents",
        created_at=datetime(2026, 11, 21, tzinfo=UTC) - timedelta(days=age),
    )
    book(delivered(event), Context())
    return event.transaction_id


def test_gives_an_owner_their_transaction(sign_in: SignIn) -> None:
    """GET /transactions/{id} shows what was booked."""
    ada = uuid4()
    id_ = booked(ada, 500)
    answer = call(get_transaction.handler, headers=sign_in(ada), path={"id": str(id_)})
    assert (answer.status, answer.body) == (
        200,
        {
            "id": str(id_),
            "userId": str(ada),
            "amountCents": 500,
            "currency": "EUR",
            "description": "500 cents",
            "createdAt": "2026-11-21T00:00:00Z",
        },
    )


@pytest.mark.parametrize("path", ["another user's", "019aa000-0000-7000-8000-000000000000", "no-id"])
def test_hides_what_is_not_the_callers(sign_in: SignIn, path: str) -> None:
    """Another user's transaction is as absent as one that never was."""
    id_ = str(booked(uuid4(), 500)) if path == "another user's" else path
    assert call(get_transaction.handler, headers=sign_in(uuid4()), path={"id": id_}).status == 404


def test_lists_every_transaction_once_newest_first_page_by_page(sign_in: SignIn) -> None:
    """Following the Link headers shows all of the caller's transactions, and no one else's."""
    ada = uuid4()
    for age in (3, 1, 2, 2, 5):
        booked(ada, age, age=age)
    booked(uuid4(), 7)
    seen: list[int] = []
    query = {"limit": "2"}
    while query:
        answer = call(list_transactions.handler, headers=sign_in(ada), query=query)
        assert answer.status == 200
        seen += [each["amountCents"] for each in answer.body]
        link = answer.headers.get("Link", "<?>")
        query = {name: values[0] for name, values in parse_qs(link[2 : link.index(">")]).items()}
    assert seen == [1, 2, 2, 3, 5]


def test_gives_the_balance_of_each_currency(sign_in: SignIn) -> None:
    """GET /transactions/balance adds up the caller's transactions by currency."""
    ada = uuid4()
    for amount, currency in ((500, "EUR"), (-120, "EUR"), (3, "USD")):
        booked(ada, amount, currency=currency)
    answer = call(get_balance.handler, headers=sign_in(ada))
    assert answer.body["balances"] == [
        {"currency": "EUR", "balanceCents": 380, "transactions": 2},
        {"currency": "USD", "balanceCents": 3, "transactions": 1},
    ]


def test_gives_an_empty_balance_before_the_first_transaction(sign_in: SignIn) -> None:
    """Who has no transactions has no balances, which is no error."""
    answer = call(get_balance.handler, headers=sign_in(uuid4()))
    assert (answer.status, answer.body["balances"]) == (200, [])


@pytest.mark.parametrize("module", [get_balance, get_transaction, list_transactions])
def test_refuses_who_is_not_signed_in(sign_in: SignIn, module: Any) -> None:  # noqa: ANN401 - a module
    """Without a token there is nothing to see."""
    assert call(module.handler, path={"id": str(uuid4())}).status == 401
