"""What each role of the catalog database may not do with holds."""

from typing import LiteralString

import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege, ReadOnlySqlTransaction

from kernel import ids
from tests.kit.databases import Database

CHANGES: list[LiteralString] = [
    "DELETE FROM holds",
    "DELETE FROM hold_items",
    "UPDATE hold_items SET quantity = 1",
    "UPDATE holds SET created_at = now()",
    "UPDATE holds SET order_id = gen_random_uuid()",
    "TRUNCATE holds",
    "ALTER TABLE holds DISABLE TRIGGER holds_never_go_back",
    "DROP TRIGGER holds_never_go_back ON holds",
]
FORBIDDEN: dict[str, list[LiteralString]] = {
    "app": CHANGES,
    "relay": [*CHANGES, "SELECT FROM holds", "UPDATE holds SET state = 'held'"],
    "ro": [*CHANGES, "UPDATE holds SET state = 'held'", "INSERT INTO holds (order_id) VALUES (gen_random_uuid())"],
}


@pytest.mark.parametrize("role", FORBIDDEN)
def test_a_role_may_do_its_own_work_only(catalog: Database, role: str) -> None:
    """Postgres itself refuses what the functions of a role have no need of."""
    with catalog.connect(role) as connection:
        for statement in FORBIDDEN[role]:
            with pytest.raises((InsufficientPrivilege, ReadOnlySqlTransaction)):
                connection.execute(statement)


@pytest.mark.parametrize("end", ["sold", "released"])
@pytest.mark.parametrize("state", ["held", "sold", "released"])
def test_a_hold_that_has_ended_stays_as_it_is(catalog: Database, end: str, state: str) -> None:
    """Not even the application's role leads it on or back."""
    order_id = ids.new()
    change = "UPDATE holds SET state = %s, reason = %s, ended_at = %s WHERE order_id = %s"
    with catalog.connect("app") as connection:
        connection.execute("INSERT INTO holds (order_id) VALUES (%s)", [order_id])
        connection.execute(change, [end, "expired" if end == "released" else None, "2026-11-27", order_id])
        reason = "expired" if state == "released" else None
        with pytest.raises(CheckViolation):
            connection.execute(change, [state, reason, None if state == "held" else "2026-11-27", order_id])


def test_a_hold_begins_as_held(catalog: Database) -> None:
    """Nothing is sold that was not held."""
    with catalog.connect("app") as connection, pytest.raises(CheckViolation):
        connection.execute("INSERT INTO holds (order_id, state, ended_at) VALUES (%s, 'sold', now())", [ids.new()])
