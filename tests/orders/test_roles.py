"""What each role of the orders database may not do."""

from typing import LiteralString

import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from tests.kit.databases import Database

CHANGES: list[LiteralString] = [
    "UPDATE order_events SET data = '{}'",
    "UPDATE order_events SET recorded_at = now()",
    "DELETE FROM order_events",
    "TRUNCATE order_events",
]
FORBIDDEN: dict[str, list[LiteralString]] = {
    "app": [
        *CHANGES,
        "DROP TABLE order_events",
        "UPDATE order_tokens SET token_hash = ''",
        "DELETE FROM order_tokens",
        "DELETE FROM products",
        "UPDATE outbox SET published_at = now()",
    ],
    "relay": [*CHANGES, "SELECT FROM order_events", "SELECT FROM order_tokens", "DELETE FROM outbox"],
    "ro": [*CHANGES, "SELECT FROM order_tokens", "SELECT FROM idempotency_keys", "DELETE FROM order_list"],
}


@pytest.mark.parametrize("role", FORBIDDEN)
def test_a_role_may_do_its_own_work_only(orders: Database, role: str) -> None:
    """Postgres itself refuses what the functions of a role have no need of, the change of an event first of all."""
    with orders.connect(role) as connection:
        for statement in FORBIDDEN[role]:
            with pytest.raises((InsufficientPrivilege, ReadOnlySqlTransaction)):
                connection.execute(statement)
