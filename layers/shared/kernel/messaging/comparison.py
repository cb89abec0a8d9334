"""Comparing a projection's live tables with their shadow: every row, byte for byte, by its primary key.

Postgres joins both tables, and sends the keys of rows that differ, in their order and part by part.
"""

from typing import Any

from msgspec import Struct
from psycopg.sql import SQL, Composed, Identifier

from kernel.messaging import shadow
from kernel.messaging.shadow import LIVE, SCHEMA, Shadow
from kernel.storage.database import Connection

# So many keys of each kind are named. Contents never are.
NAMED = 5
FETCHED = 1_000


class Difference(Struct):
    """Count the rows of one kind. *examples*: the first keys."""

    rows: int = 0
    examples: list[str] = []

    def add(self, key: str) -> None:
        self.rows += 1
        if len(self.examples) < NAMED:
            self.examples = [*self.examples, key]


class Table(Struct):
    """Compare one table.

    *only_live*, *only_rebuilt*: rows that only one of both has.
    *different*: rows of one key that differ.
    """

    equal: int
    only_live: Difference
    only_rebuilt: Difference
    different: Difference

    @property
    def differences(self) -> int:
        return self.only_live.rows + self.only_rebuilt.rows + self.different.rows


class Comparison(Struct):
    """*applied_live*, *applied_rebuilt*: events that only one of both has applied; the difference may come from them."""

    tables: dict[str, Table]
    applied_live: int
    applied_rebuilt: int

    @property
    def differences(self) -> int:
        return sum(table.differences for table in self.tables.values())


def compare(connection: Connection, of: Shadow) -> Comparison:
    """Compare the tables as they are at one moment. The caller's transaction has done nothing yet."""
    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
    tables = {table: _compare(connection, table) for table in of.tables}
    return Comparison(tables, *shadow.count_applied_by_one(connection, of.scope))


def _compare(connection: Connection, table: str) -> Table:
    keys = [
        Identifier(name)
        for (name,) in connection.execute(
            """
            SELECT attname FROM pg_index, unnest(indkey) WITH ORDINALITY AS place (number, turn)
            JOIN pg_attribute ON attnum = number
            WHERE indrelid = %s::regclass AND attrelid = indrelid AND indisprimary ORDER BY turn
            """,
            (f"{LIVE}.{table}",),
        )
    ]
    live, own = Identifier(LIVE, table), Identifier(SCHEMA, table)
    [(rows,)] = connection.execute(SQL("SELECT count(*) FROM {}").format(live)).fetchall()
    found = Table(0, Difference(), Difference(), Difference())
    kinds: dict[str, Difference] = {
        "live": found.only_live,
        "rebuilt": found.only_rebuilt,
        "both": found.different,
    }
    with connection.cursor(name="differences") as cursor:
        cursor.itersize = FETCHED
        cursor.execute(_differences(live, own, keys))
        for kind, key in cursor:
            kinds[kind].add(key)
    found.equal = rows - found.only_live.rows - found.different.rows
    return found


def _differences(live: Identifier, own: Identifier, keys: list[Identifier]) -> Composed:
    names = SQL(", ").join(keys)
    return SQL(
        """
        SELECT CASE WHEN rebuilt.present IS NULL THEN 'live' WHEN live.present IS NULL THEN 'rebuilt' ELSE 'both' END,
            concat_ws(' ', {names})
        FROM (SELECT {names}, whole AS content, true AS present FROM {live} AS whole) AS live
        FULL JOIN (SELECT {names}, whole AS content, true AS present FROM {own} AS whole) AS rebuilt USING ({names})
        WHERE rebuilt.present IS NULL OR live.present IS NULL OR live.content *<> rebuilt.content
        ORDER BY {names}
        """
    ).format(names=names, live=live, own=own)


def told(found: Comparison) -> dict[str, Any]:
    """Return the comparison as operators read it."""
    return {
        "count": found.differences,
        "tables": found.tables,
        "applied_only_live": found.applied_live,
        "applied_only_rebuilt": found.applied_rebuilt,
    }
