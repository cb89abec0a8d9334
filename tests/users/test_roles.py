"""What each role of the users database may not do."""

from typing import LiteralString

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from tests.kit.databases import Database

FORBIDDEN: list[tuple[str, LiteralString]] = [
    ("app", "DELETE FROM users"),
    ("app", "UPDATE users SET scopes = '{admin}'"),
    ("app", "INSERT INTO users (id, username, email, password_hash, scopes) VALUES (NULL, '', '', '', '{admin}')"),
    ("app", "UPDATE transactions SET amount_cents = 0"),
    ("app", "DELETE FROM transactions"),
    ("app", "UPDATE outbox SET published_at = now()"),
    ("app", "DELETE FROM outbox"),
    ("app", "DELETE FROM idempotency_keys"),
    ("app", "UPDATE idempotency_keys SET fingerprint = ''"),
    ("app", "CREATE TABLE mine (id int)"),
    ("app", "SELECT prune_idempotency_keys('1 day')"),
    ("ro", "SELECT password_hash FROM users"),
    ("ro", "SELECT FROM sessions"),
    ("ro", "SELECT FROM idempotency_keys"),
    ("relay", "SELECT FROM users"),
    ("relay", "SELECT FROM sessions"),
    ("relay", "SELECT FROM transactions"),
    ("relay", "DELETE FROM outbox"),
    ("relay", "SELECT FROM idempotency_keys"),
]


@pytest.mark.parametrize(("role", "statement"), FORBIDDEN)
def test_a_role_may_do_its_own_work_only(users: Database, role: str, statement: LiteralString) -> None:
    """Postgres itself refuses what the functions of a role have no need of (42501)."""
    with users.connect(role) as connection, pytest.raises((InsufficientPrivilege, ReadOnlySqlTransaction)) as refused:
        connection.execute(statement)
    assert isinstance(refused.value, psycopg.Error)


def test_reports_may_read_accounts(users: Database) -> None:
    """The role ro sees everything of a user but the password's hash."""
    with users.connect("ro") as connection:
        connection.execute("SELECT id, username, email, scopes, created_at, updated_at FROM users")
