"""DELETE /api/v1/users/profile."""

import json
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.kit.databases import Database
from tests.users.conftest import Client, user_id

MONEY = {"amountCents": 5, "currency": "EUR", "description": "Coffee"}


def rows(users: Database) -> list[tuple[int]]:
    """How many accounts, sessions and requests there are."""
    return users.rows(
        "SELECT count(*) FROM users UNION ALL SELECT count(*) FROM sessions UNION ALL SELECT count(*) FROM transactions"
    )


def test_the_account_and_all_that_belongs_to_it_are_gone(users: Database, client: Client) -> None:
    """204 without a body: no profile, no log-in, no refresh; the name is free for a new account with another id."""
    person = user_id(users, client)
    assert client.profile().status == 200
    assert client.transact(MONEY, idempotency_key="first").status == 201
    answer = client.delete()
    assert (answer.status, answer.body) == (204, None)
    assert rows(users) == [(0,), (0,), (0,)]
    assert client.profile().status == 404
    assert client.refresh().status == 401
    assert client.log_in().status == 401
    assert users.rows("SELECT * FROM idempotency_keys") == []
    assert client.register().body["id"] != str(person)
    assert client.log_in().status == 200


def test_others_are_told_the_id_alone(users: Database, client: Client) -> None:
    """user-deleted follows the account's other events, in the same order as they happened."""
    person = str(user_id(users, client))
    client.update(username=f"renamed-{uuid4().hex[:8]}")
    client.delete()
    told = [json.loads(value) for (value,) in users.rows("SELECT value FROM outbox ORDER BY id")]
    assert [event["type"] for event in told] == ["user-registered", "user-updated", "user-deleted"]
    assert told[-1] == {"type": "user-deleted", "userId": person}
    assert len(users.rows("SELECT DISTINCT aggregate FROM outbox")) == 1


@pytest.mark.parametrize("body", [{}, {"currentPassword": None}, {"currentPassword": "x", "sure": True}, []])
def test_an_access_token_alone_deletes_nothing(users: Database, client: Client, body: object) -> None:
    """400 without currentPassword, and for anything else than it."""
    assert client.delete(body).status == 400
    assert rows(users)[0] == (1,)


def test_a_wrong_password_deletes_nothing(users: Database, client: Client) -> None:
    """403 that names the field; the account and its session go on."""
    answer = client.delete({"currentPassword": uuid4().hex})
    assert answer.status == 403
    assert [problem["path"] for problem in answer.body["errors"]] == ["currentPassword"]
    assert client.refresh().status == 200
    assert users.rows("SELECT * FROM forgotten") == []


def test_an_account_is_deleted_once(users: Database, client: Client) -> None:
    """404 for the second request, and one event."""
    assert [client.delete().status for _ in range(2)] == [204, 404]
    told = [json.loads(value)["type"] for (value,) in users.rows("SELECT value FROM outbox")]
    assert told.count("user-deleted") == 1


def test_a_token_that_is_still_valid_creates_nothing(users: Database, client: Client) -> None:
    """401 or 404, with words that say why, and no row or event."""
    client.delete()
    before = users.rows("SELECT count(*) FROM outbox")
    without_key, with_key = client.transact(MONEY), client.transact(MONEY, idempotency_key="second")
    assert (without_key.status, without_key.body["detail"]) == (404, "This account does not exist.")
    assert (with_key.status, with_key.body["detail"].partition(".")[0]) == (401, "This account was deleted")
    assert client.update(username="renamed").status == 404
    assert rows(users) == [(0,), (0,), (0,)]
    assert users.rows("SELECT count(*) FROM outbox") == before


def test_an_account_with_many_requests_is_deleted_in_time(users: Database, client: Client) -> None:
    """30,000 requests, far within the statement's 10 seconds."""
    with users.connect() as connection:
        connection.execute(
            """
            INSERT INTO transactions (id, user_id, amount_cents, currency, description, created_at)
            SELECT gen_random_uuid(), %s, 1, 'EUR', 'Coffee', now() FROM generate_series(1, 30000)
            """,
            (user_id(users, client),),
        )
    assert client.delete().status == 204
    assert rows(users) == [(0,), (0,), (0,)]


@pytest.mark.parametrize("statement", ["DELETE FROM users", "DELETE FROM transactions", "DELETE FROM forgotten"])
def test_the_application_still_cannot_delete(users: Database, client: Client, statement: LiteralString) -> None:
    """It may have an account deleted, and nothing else."""
    with users.connect("app") as connection, pytest.raises(InsufficientPrivilege):
        connection.execute(statement)


@pytest.mark.parametrize("role", ["relay", "ro"])
def test_nobody_else_may_delete_an_account(users: Database, client: Client, role: str) -> None:
    """The owner's function is the application's alone."""
    with users.connect(role) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute("SELECT delete_account(%s)", (user_id(users, client),))
    assert refused.value.sqlstate == "42501"
