"""Rows that a transaction wrote, for `trace_event`, found by the number of the transaction that each row carries (`xmin`).

What that can tell, and what it cannot, is in docs/decisions/0077-who-wrote-a-row.md.
"""

from typing import Any

import psycopg
from msgspec import Struct
from psycopg import sql

from kernel.storage.database import Connection

# The edges' own tables: `trace_event` shows them by other means.
OWN = ("inbox", "outbox", "migrations", "breakers", "idempotency_keys", "parked_records")
# No index has xmin, so each table is read from beginning to end: not one that takes seconds.
LARGEST_BYTES = 256_000_000
SECONDS = 2
NAMED = 20


class Table(Struct, frozen=True):
    """*key*: the columns of its primary key. *readable*: those that this role may read. *traced*: whether xmin is one."""

    name: str
    bytes: int
    key: list[str]
    readable: list[str]
    traced: bool


class Written(Struct, frozen=True, omit_defaults=True):
    """Rows of a table. *keys*: their primary keys, up to 20. *rows*: as they are now, where they are asked for."""

    table: str
    count: int
    keys: list[dict[str, Any]]
    rows: list[dict[str, Any]] | None = None


class Report(Struct, frozen=True):
    """*written*: by the transaction. *under_key*: others whose primary key begins with the record's key.

    *unread*: tables that could not be searched, each with the reason.
    """

    written: list[Written]
    under_key: list[Written]
    unread: dict[str, str]


def find(connection: Connection, transaction: str, key: str | None, *, with_rows: bool) -> Report:
    """Return what is left of the rows that the transaction, or the savepoint, *transaction* wrote."""
    report = Report([], [], {})
    for table in _tables(connection):
        if not table.traced:
            report.unread[table.name] = "this role may not read it"
        elif table.bytes > LARGEST_BYTES:
            report.unread[table.name] = f"it has {table.bytes / 1e6:.0f} MB, and no index has xmin"
        elif written := _written(connection, table, transaction, report, with_rows=with_rows):
            report.written.append(written)
            continue
        if key is not None and table.key and (found := _under_key(connection, table, key, with_rows=with_rows)):
            report.under_key.append(found)
    return report


def _tables(connection: Connection) -> list[Table]:
    """Return the tables of the database, partitions as one."""
    found = connection.execute(
        """
        SELECT relname, pg_total_relation_size(c.oid),
            coalesce((SELECT array_agg(attname::text ORDER BY array_position(indkey, attnum))
                FROM pg_index JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)
                WHERE indrelid = c.oid AND indisprimary), '{}'),
            coalesce((SELECT array_agg(attname::text ORDER BY attnum) FROM pg_attribute
                WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped
                    AND has_column_privilege(c.oid, attnum, 'SELECT')), '{}'),
            has_column_privilege(c.oid, 'xmin', 'SELECT')
        FROM pg_class AS c
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
            AND relname <> ALL(%s)
        ORDER BY relname
        """,
        (list(OWN),),
    )
    tables = [Table(*row) for row in found]
    return [
        Table(each.name, each.bytes, each.key, each.readable, each.traced and set(each.key) <= set(each.readable))
        for each in tables
    ]


def _written(
    connection: Connection, table: Table, transaction: str, report: Report, *, with_rows: bool
) -> Written | None:
    try:
        with connection.transaction():
            connection.execute("SELECT set_config('statement_timeout', %s, true)", (f"{SECONDS}s",))
            return _read(connection, table, sql.SQL("xmin = {}::xid").format(transaction), with_rows=with_rows)
    except psycopg.errors.QueryCanceled:
        report.unread[table.name] = f"it was not read within {SECONDS} s"
        return None


def _under_key(connection: Connection, table: Table, key: str, *, with_rows: bool) -> Written | None:
    """Return rows whose primary key begins with *key*, which its index finds."""
    if not set(table.key) <= set(table.readable):
        return None
    try:
        with connection.transaction():
            condition = sql.SQL("{} = {}").format(sql.Identifier(table.key[0]), sql.Literal(key))
            return _read(connection, table, condition, with_rows=with_rows)
    except psycopg.DataError:
        # The record's key is no value of the column's type.
        return None


def _read(connection: Connection, table: Table, condition: sql.Composed, *, with_rows: bool) -> Written | None:
    shown = sql.SQL(", ").join(map(sql.Identifier, table.readable if with_rows else table.key))
    query = sql.SQL("SELECT count(*) OVER (), to_jsonb(shown) FROM (SELECT {} FROM {} WHERE {}) AS shown LIMIT {}")
    found = connection.execute(
        query.format(shown, sql.Identifier(table.name), condition, sql.Literal(NAMED))
    ).fetchall()
    if not found:
        return None
    rows = [row for _, row in found]
    keys = [{name: row[name] for name in table.key} for row in rows]
    return Written(table.name, found[0][0], keys, rows if with_rows else None)
