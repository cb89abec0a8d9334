"""Published rows are kept by day, and go by day: without a lock that a command or a batch would notice."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import LiteralString

import psycopg
import pytest
from psycopg import sql

from kernel.messaging import outbox
from kernel.messaging.outbox import Message
from tests.kit.databases import Database

PLACES = "SELECT tableoid::regclass::text, convert_from(value, 'UTF8') FROM outbox ORDER BY id"


def add(database: Database, *values: str) -> None:
    with database.connect("app") as connection:
        outbox.add_messages(connection, [Message("events", b"key", [], each.encode(), "a") for each in values])


def mark(database: Database, value: str, age: str = "0") -> None:
    """Mark a row as the relay does, *age* ago."""
    with database.connect("relay") as connection:
        query = "UPDATE outbox SET published_at = now() - %s::interval WHERE value = %s AND published_at IS NULL"
        assert connection.execute(query, (age, value.encode())).rowcount == 1


def prune(database: Database, retention: str = "7 days") -> int:
    with database.connect("relay") as connection:
        [(days,)] = connection.execute("SELECT prune_outbox(%s::interval)", (retention,)).fetchall()
        return int(days)


def table_of(age: float) -> str:
    """Return the name of the table of the day *age* days ago."""
    return f"outbox_{datetime.now(UTC) - timedelta(days=age):%Y%m%d}"


def make_day(database: Database, age: int) -> str:
    """Make the table of a day that has passed. Returns its name."""
    name = table_of(age)
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=age)
    statement = sql.SQL("CREATE TABLE {} PARTITION OF outbox_published (PRIMARY KEY (id)) FOR VALUES FROM ({}) TO ({})")
    with database.connect() as connection:
        connection.execute(statement.format(sql.Identifier(name), first, first + timedelta(days=1)))
    return name


def days(database: Database) -> set[str]:
    found = database.rows(r"SELECT relname FROM pg_class WHERE relname ~ '^outbox_\d{8}$' AND relkind = 'r'")
    return {name for (name,) in found}


@contextmanager
def held(database: Database, statement: LiteralString, role: str = "owner") -> Iterator[None]:
    """Keep the locks of *statement* until the block ends."""
    with database.connect(role) as connection, connection.transaction():
        connection.execute(statement)
        yield


def test_a_row_moves_to_its_day_when_it_is_published(activity: Database) -> None:
    """What waits and what is parked stay where they are, and all are rows of one table."""
    add(activity, "published", "waits", "parked")
    mark(activity, "published")
    with activity.connect("relay") as connection:
        connection.execute("UPDATE outbox SET parked_at = now() WHERE value = 'parked'")

    assert activity.rows(PLACES) == [
        (table_of(0), "published"), ("outbox_waiting", "waits"), ("outbox_waiting", "parked")
    ]  # fmt: skip


def test_a_day_is_dropped_once_all_of_it_is_old(activity: Database) -> None:
    """Days that ended longer ago than the retention go as a whole, and days that did not stay."""
    names = {age: make_day(activity, age) for age in (6, 7, 8, 9)}
    add(activity, *(str(age) for age in names), "old and waits")
    for age in names:
        mark(activity, str(age), f"{age} days")

    assert prune(activity) == 2
    assert activity.rows(PLACES) == [(names[6], "6"), (names[7], "7"), ("outbox_waiting", "old and waits")]
    assert prune(activity) == 0
    assert prune(activity, "0") == 2, "at least a day is kept"
    assert activity.rows(PLACES) == [("outbox_waiting", "old and waits")]


def test_the_next_days_have_tables(activity: Database) -> None:
    """Three are ready, whenever a relay ran last; only the owner may touch them by their names."""
    with activity.connect() as connection:
        for age in (-1, -2, -3):
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table_of(age))))

    prune(activity)

    assert days(activity) == {table_of(age) for age in (0, -1, -2, -3)}
    for role in ("app", "relay", "ro"):
        with activity.connect(role) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(sql.SQL("SELECT FROM {}").format(sql.Identifier(table_of(-3))))


def test_a_day_without_a_table_loses_nothing(activity: Database) -> None:
    """Its rows are in a table of their own until the next run makes the day's, and are pruned there by their age."""
    add(activity, "today", "long ago", "before long")
    with activity.connect() as connection:
        for age in (0, -1, -2, -3):
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table_of(age))))
    for value, passed in (("today", "0"), ("long ago", "8 days"), ("before long", "6 days")):
        mark(activity, value, passed)
    assert {place for place, _ in activity.rows(PLACES)} == {"outbox_other"}

    prune(activity)

    assert activity.rows(PLACES) == [(table_of(0), "today"), ("outbox_other", "before long")]


@pytest.mark.parametrize("due", ["a day to make", "a day to drop"])
def test_commands_and_relays_work_while_days_change(activity: Database, due: str) -> None:
    """What prunes may stand still with all of its locks: rows are added, read and parked all the same."""
    if due == "a day to drop":
        make_day(activity, 9)
    else:
        with activity.connect() as connection:
            connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(table_of(-3))))
    before = days(activity)

    with held(activity, "SET lock_timeout TO '1ms'; SELECT prune_outbox('7 days')"):
        add(activity, "1", "2")
        with activity.connect("relay") as connection:
            connection.execute("SET lock_timeout TO '1ms'")
            query = "SELECT id FROM outbox WHERE bucket = ANY(%s) AND published_at IS NULL AND parked_at IS NULL"
            assert len(connection.execute(query, (list(range(16)),)).fetchall()) == 2
            connection.execute("UPDATE outbox SET parked_at = now() WHERE value = '1' AND published_at IS NULL")
    assert days(activity) != before


def test_a_reader_of_published_rows_puts_the_end_of_a_day_off(activity: Database) -> None:
    """Until the next run; nobody waits for a reader."""
    name = make_day(activity, 9)
    with held(activity, "SELECT count(*) FROM outbox", role="ro"):
        assert prune(activity) == 0
        assert name in days(activity)

    assert prune(activity) == 1
    assert name not in days(activity)


def test_relays_prune_one_at_a_time(activity: Database) -> None:
    """Another one does not wait for its turn: it has none."""
    make_day(activity, 9)
    with held(activity, "SELECT pg_advisory_xact_lock(1869968482, 16)", role="relay"):
        assert prune(activity) == 0
    assert prune(activity) == 1


def test_a_relay_of_the_release_before_goes_on(activity: Database) -> None:
    """Both run during a deployment: its statement names no place, and moves the rows as well."""
    add(activity, "1", "2")
    with activity.connect("relay") as connection:
        connection.execute("UPDATE outbox SET published_at = now() WHERE id = ANY(%s::bigint[])", ([1, 2],))
    assert activity.rows(PLACES) == [(table_of(0), "1"), (table_of(0), "2")]
