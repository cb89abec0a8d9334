"""What each role of the payments database may not do."""

from typing import LiteralString

import pytest
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction

from tests.kit.databases import Database

CHANGES: list[LiteralString] = [
    "UPDATE payments SET amount = 1",
    "UPDATE payments SET customer_id = NULL",
    "UPDATE payments SET reserves_stock = false",
    "DELETE FROM payments",
    "UPDATE stock_answers SET order_id = gen_random_uuid()",
    "DELETE FROM stock_answers",
]
FORBIDDEN: dict[str, list[LiteralString]] = {
    "app": CHANGES,
    "relay": [*CHANGES, "SELECT FROM payments", "SELECT FROM stock_answers"],
    "ro": [*CHANGES, "SELECT client_secret FROM payments", "UPDATE stock_answers SET stock = 'reserved'"],
}


@pytest.mark.parametrize("role", FORBIDDEN)
def test_a_role_may_do_its_own_work_only(payments: Database, role: str) -> None:
    """Postgres itself refuses what the functions of a role have no need of."""
    with payments.connect(role) as connection:
        for statement in FORBIDDEN[role]:
            with pytest.raises((InsufficientPrivilege, ReadOnlySqlTransaction)):
                connection.execute(statement)
