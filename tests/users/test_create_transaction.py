"""POST /api/v1/transactions."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest

from tests.kit.api import call
from tests.kit.databases import Database
from tests.users.conftest import Client, user_id
from users import create_transaction

COFFEE = {"amountCents": -1250, "currency": "EUR", "description": "Coffee beans"}


def test_a_transaction_is_stored_and_published(users: Database, client: Client) -> None:
    """201 with the request; transaction_created goes out under the user's id, with the transaction's own id."""
    answer = client.transact(COFFEE)
    assert answer.status == 201
    assert UUID(answer.body["id"]).version == 7
    owner = str(user_id(users, client))
    assert answer.body == COFFEE | {
        "id": answer.body["id"],
        "userId": owner,
        "createdAt": answer.body["createdAt"],
    }
    [(key, value, headers)] = users.rows(
        """
        SELECT convert_from(key, 'UTF8'), convert_from(value, 'UTF8')::json, headers FROM outbox
        WHERE topic = 'transaction-events'
        """
    )
    assert key == owner
    assert value == COFFEE | {
        "type": "transaction_created",
        "transactionId": answer.body["id"],
        "userId": owner,
        "createdAt": answer.body["createdAt"],
    }
    assert ["ce_type", "transaction_created"] in headers
    assert users.rows("SELECT id::text, amount_cents FROM transactions") == [(answer.body["id"], -1250)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amountCents", 0),
        ("amountCents", 1.5),
        ("amountCents", "5"),
        ("amountCents", 10**12 + 1),
        ("currency", "XYZ"),
        ("currency", "eur"),
        ("currency", "EUR\n"),
        ("description", ""),
        ("description", "x" * 501),
        ("userId", "00000000-0000-7000-8000-000000000000"),
    ],
)
def test_a_wrong_field_is_named(users: Database, client: Client, field: str, value: object) -> None:
    """400 names it; nothing is stored or published."""
    answer = client.transact(COFFEE | {field: value})
    assert answer.status == 400
    assert [problem["path"] for problem in answer.body["errors"]] == [field]
    assert users.rows("SELECT FROM transactions UNION ALL SELECT FROM outbox WHERE topic = 'transaction-events'") == []


def test_a_repeated_transaction_is_booked_once(users: Database, client: Client) -> None:
    """One key, one row, one event; another body under it is a 422, and another user may use the same key."""
    key, other = str(uuid4()), Client()
    other.register()
    other.log_in()
    first, second = client.transact(COFFEE, Idempotency_Key=key), client.transact(COFFEE, Idempotency_Key=key)
    assert first.body == second.body
    assert client.transact(COFFEE | {"amountCents": 1}, Idempotency_Key=key).status == 422
    assert other.transact(COFFEE, Idempotency_Key=key).body["id"] != first.body["id"]
    assert users.rows("SELECT count(*) FROM transactions") == [(2,)]
    assert users.rows("SELECT count(*) FROM outbox WHERE topic = 'transaction-events'") == [(2,)]


def test_only_an_account_of_ours_can_ask(users: Database, sign_in: Callable[..., dict[str, str]]) -> None:
    """Without a token 401; with one of an account that is gone 404, and nothing is published."""
    assert call(create_transaction.handler, "POST", COFFEE).status == 401
    assert call(create_transaction.handler, "POST", COFFEE, headers=sign_in(uuid4())).status == 404
    assert users.rows("SELECT FROM outbox") == []
