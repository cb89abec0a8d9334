"""Databases that tests are lent: what one did to its own is not in the next one's."""

from collections.abc import Callable
from typing import LiteralString

import psycopg
import pytest

from tests.kit import copies
from tests.kit.databases import Database

WRITE = "INSERT INTO outbox (topic, aggregate) VALUES ('a', 'b') RETURNING id"
OID = "SELECT oid FROM pg_database WHERE datname = current_database()"


@pytest.fixture
def template(migrated: Callable[[str], Database]) -> Database:
    return migrated("activity")


def test_rows_are_gone_and_numbers_start_again(template: Database) -> None:
    """Find the same database under another name, to which nobody is connected any more."""
    with copies.lent(template) as first:
        numbers = [first.rows(WRITE), first.rows(WRITE)]
        oid = first.rows(OID)
        left_open = first.connect("app")
    with copies.lent(template) as second:
        assert second.rows(OID) == oid
        assert second.rows("SELECT FROM outbox") == []
        assert [second.rows(WRITE), second.rows(WRITE)] == numbers
        with pytest.raises(psycopg.OperationalError, match="does not exist"):
            first.connect()
        with left_open, pytest.raises(psycopg.OperationalError):
            left_open.execute("SELECT")


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE outbox ADD COLUMN more integer",
        "ALTER TABLE outbox ALTER COLUMN topic SET DEFAULT 'none'",
        "ALTER TABLE outbox DISABLE TRIGGER USER",
        "ALTER SEQUENCE outbox_id_seq INCREMENT 2",
        "ANALYZE migrations",
        "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO activity_ro",
        "CREATE FUNCTION one() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "CREATE INDEX more ON outbox (aggregate)",
        "CREATE SCHEMA more",
        "CREATE TABLE more (id integer)",
        "DELETE FROM migrations",
        "DROP TABLE inbox",
        "GRANT DELETE ON outbox TO activity_ro",
        "UPDATE migrations SET checksum = ''",
    ],
)
def test_what_differs_in_more_than_rows_is_dropped(template: Database, statement: LiteralString) -> None:
    with copies.lent(template) as changed, changed.connect() as connection:
        before = changed.rows(OID)
        connection.execute(statement)
    with copies.lent(template) as other:
        assert other.rows(OID) != before
        assert other.rows("SELECT FROM pg_database WHERE oid = %s", before[0][0]) == []
