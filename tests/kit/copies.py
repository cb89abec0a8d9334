"""Lend each test a database of its own: a copy of one that was migrated once, emptied after a test for the next.

To make a copy takes Postgres ten times as long as to empty one. A copy that differs in more than rows is dropped.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from uuid import uuid4

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from kernel.storage import migrations
from tests.kit.databases import Database

# Whatever is defined in a database is a row of one of these, or depends on one. A change of it makes a row newer.
CATALOGS = (
    *("pg_attribute", "pg_constraint", "pg_default_acl", "pg_depend", "pg_enum", "pg_index", "pg_namespace", "pg_proc"),
    *("pg_sequence", "pg_trigger", "pg_type"),
)
# A relation's row changes also when it is emptied. What the planner was told of it changes plans.
DEFINITIONS = SQL("""
    SELECT 'relations', count(*), md5(string_agg((to_jsonb(pg_class) - %s::text[])::text, '' ORDER BY oid))
    FROM pg_class WHERE relnamespace >= 16384 OR relnamespace = 'public'::regnamespace
    UNION ALL SELECT 'statistics', count(*), '' FROM pg_statistic WHERE starelid >= 16384
    UNION ALL """) + SQL(" UNION ALL ").join(
    SQL("SELECT {}, count(*), max(xmin::text::bigint)::text FROM {}").format(catalog, Identifier(catalog))
    for catalog in CATALOGS
)
OF_CONTENTS = ["relfilenode", "relpages", "reltuples", "relallvisible", "relallfrozen", "relfrozenxid", "relminmxid"]
SEQUENCES = SQL("SELECT sequencename, coalesce(last_value, 0), '' FROM pg_sequences")
ROWS = SQL("SELECT {}, count(*), sum(hashtextextended(t::text, 0))::text FROM {} AS t")
TABLES = "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
END_SESSIONS = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
RESTART_SEQUENCES = "SELECT setval(seqrelid, seqstart, false) FROM pg_sequence"

type Connection = psycopg.Connection[tuple[Any, ...]]
type State = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Pristine:
    """What a copy is before a test has it.

    *rows*: the query that gives *contents*.
    *empty*: the tables without any row.
    """

    definitions: State
    rows: Composed
    contents: State
    empty: list[str]


_free: defaultdict[Database, list[Database]] = defaultdict(list)


@contextlib.contextmanager
def lent(template: Database) -> Iterator[Database]:
    """Lend an equal of *template* under a name that no other test has seen, until the block ends."""
    copy = _free[template].pop() if _free[template] else _copy(template)
    try:
        yield copy
    finally:
        _take_back(template, copy)


def _copy(template: Database) -> Database:
    copy = _new_name(template)
    names = Identifier(copy.name), Identifier(template.name), Identifier(f"{copy.domain}_owner")
    with _connected(template.server) as connection:
        connection.execute(SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*names))
        # The rights on a database itself are not copied.
        connection.execute(SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(names[0]))
        for role in migrations.ROLES:
            user = Identifier(f"{copy.domain}_{role}")
            connection.execute(SQL("GRANT CONNECT ON DATABASE {} TO {}").format(names[0], user))
    return copy


def _take_back(template: Database, used: Database) -> None:
    """Empty *used* for the next test, or drop it. Whoever still uses it is cut off, and does not find it again."""
    copy = _new_name(template)
    with _connected(template.server) as connection:
        connection.execute(END_SESSIONS, (used.name,))
        names = Identifier(used.name), Identifier(copy.name)
        connection.execute(SQL("ALTER DATABASE {} RENAME TO {}").format(*names))
    pristine = _pristine(template)
    with _connected(template.server, copy.name) as connection:
        is_equal = _definitions(connection) == pristine.definitions
        if is_equal:
            _empty(connection, pristine.empty)
            is_equal = connection.execute(pristine.rows).fetchall() == pristine.contents
    if is_equal:
        _free[template].append(copy)
        return
    with _connected(template.server) as connection:
        connection.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(copy.name)))


def _empty(connection: Connection, tables: list[str]) -> None:
    """Remove what a test wrote to *tables*; no trigger is asked, since some refuse it."""
    written = SQL(" UNION ALL ").join(
        SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(table, Identifier(table)) for table in tables
    )
    names = [Identifier(name) for (name,) in connection.execute(written)]
    if names:
        connection.execute("SET session_replication_role = replica")
        connection.execute(SQL("TRUNCATE {} CASCADE").format(SQL(", ").join(names)))
    connection.execute(RESTART_SEQUENCES)


@cache
def _pristine(template: Database) -> Pristine:
    with _connected(template.server, template.name) as connection:
        tables = [name for (name,) in connection.execute(TABLES)]
        rows = [ROWS.format(table, Identifier(table)) for table in tables]
        query = SQL(" UNION ALL ").join([SEQUENCES, *rows])
        contents = connection.execute(query).fetchall()
        empty = [name for name, number, _ in contents if name in tables and number == 0]
        return Pristine(_definitions(connection), query, contents, empty)


def _definitions(connection: Connection) -> State:
    return connection.execute(DEFINITIONS, (OF_CONTENTS,)).fetchall()


def _new_name(template: Database) -> Database:
    return replace(template, name=f"{template.domain}_{uuid4().hex[:12]}")


def _connected(server: str, database: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
    """Connect as the superuser; the block that uses it ends with the connection."""
    return psycopg.connect(server, dbname=database, autocommit=True)
