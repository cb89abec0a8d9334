"""The migration that keeps published rows by day, on a database that is in use."""

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from kernel.messaging import outbox
from kernel.messaging.outbox import Message
from kernel.storage import migrations
from tests.kit.databases import PASSWORDS, Database

BY_DAY = "0010_outbox_by_day.sql"
ROWS = """
    SELECT id, topic, key, headers::text, value, aggregate, bucket, created_at, published_at, parked_at, parked_reason
    FROM outbox ORDER BY id
"""


@pytest.fixture
def former(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """The database of a domain `probe` as the migration before made it, without rows."""
    kernel, own = tmp_path / "schema", tmp_path / "probe" / "migrations"
    kernel.mkdir()
    own.mkdir(parents=True)
    for path in migrations.KERNEL.glob("*.sql"):
        if path.name < BY_DAY:
            shutil.copy(path, kernel)
    database = Database(postgres, "probe", "probe")
    with psycopg.connect(postgres, autocommit=True) as connection:
        migrations.create_database(connection, "probe", PASSWORDS)
        with monkeypatch.context() as earlier:
            earlier.setattr(migrations, "KERNEL", kernel)
            migrations.apply(database.url("owner"), "probe", own)
        yield database
        connection.execute("DROP DATABASE probe WITH (FORCE)")


def fill(database: Database) -> None:
    """Add 60 rows: in turn one that is published, 0 to 9 days ago, one that waits, and one that is parked."""
    with database.connect("app") as connection:
        messages = [Message("events", b"key", [("ce_id", b"%d" % n)], b"%d" % n, f"a{n % 7}") for n in range(60)]
        outbox.add_messages(connection, messages)
    with database.connect() as connection:
        connection.execute("""
            UPDATE outbox SET published_at = now() - make_interval(days => (id / 6)::integer) WHERE id % 3 = 0;
            UPDATE outbox SET parked_at = now(), parked_reason = 'too large' WHERE id % 3 = 1
        """)


def convert(database: Database, tmp_path: Path) -> None:
    migrations.apply(database.url("owner"), "probe", tmp_path / "probe" / "migrations")


def rows(database: Database) -> list[tuple[Any, ...]]:
    return database.rows(ROWS)


def tables(database: Database) -> dict[str, int]:
    """Return how many rows each table has that has some."""
    return dict(database.rows("SELECT tableoid::regclass::text, count(*)::integer FROM outbox GROUP BY 1"))


def day(ahead: int = 0) -> str:
    return f"outbox_{datetime.now(UTC) + timedelta(days=ahead):%Y%m%d}"


def test_every_row_is_what_it_was(former: Database, tmp_path: Path) -> None:
    """Published, waiting and parked rows keep their ids and everything else, and new ones follow them."""
    fill(former)
    before = rows(former)

    convert(former, tmp_path)

    assert rows(former) == before
    assert tables(former) == {"outbox_waiting": 40, day(): 20}
    with former.connect("app") as connection:
        connection.execute("LISTEN outbox")
        outbox.add_messages(connection, [Message("events", b"key", [], b"new", "a")])
        assert [each.channel for each in connection.notifies(timeout=10, stop_after=1)] == ["outbox"]
    assert former.rows("SELECT id FROM outbox WHERE value = 'new'") == [(61,)]


def test_what_is_published_afterwards_joins_the_day(former: Database, tmp_path: Path) -> None:
    """Today's table is the former one, which goes when today is old enough; from tomorrow on each day has its own."""
    fill(former)
    convert(former, tmp_path)

    with former.connect("relay") as connection:
        connection.execute("UPDATE outbox SET published_at = now() WHERE published_at IS NULL AND parked_at IS NULL")
        connection.execute("SELECT prune_outbox('1 day')")

    assert tables(former) == {"outbox_waiting": 20, day(): 40}
    kept = former.rows(r"SELECT relname FROM pg_class WHERE relname ~ '^outbox_\d{8}$' ORDER BY 1")
    assert kept == [(day(ahead),) for ahead in range(4)]


def test_rows_of_a_clock_that_was_ahead_are_kept(former: Database, tmp_path: Path) -> None:
    """The former table takes the days up to theirs; the days behind them have tables as soon as they come near."""
    fill(former)
    with former.connect() as connection:
        connection.execute("UPDATE outbox SET published_at = now() + interval '2 days' WHERE id = 3")
    before = rows(former)

    convert(former, tmp_path)

    assert rows(former) == before
    assert tables(former) == {"outbox_waiting": 40, day(2): 20}
    kept = former.rows(r"SELECT relname FROM pg_class WHERE relname ~ '^outbox_\d{8}$' ORDER BY 1")
    assert kept == [(day(2),), (day(3),)]


def test_an_empty_outbox_leaves_no_former_table(former: Database, tmp_path: Path) -> None:
    """As in a new database: the first row has the number 1."""
    convert(former, tmp_path)

    with former.connect("app") as connection:
        outbox.add_messages(connection, [Message("events", b"key", [], b"first", "a")])

    assert former.rows("SELECT tableoid::regclass::text, id FROM outbox") == [("outbox_waiting", 1)]
    assert former.rows("SELECT to_regclass('outbox_before') IS NULL") == [(True,)]


def test_a_conversion_that_is_cut_off_changes_nothing(former: Database, tmp_path: Path) -> None:
    """Somebody holds the outbox for longer than the owner waits: everything is as before, and the next run succeeds."""
    fill(former)
    before = rows(former)
    with former.connect("ro") as reader, reader.transaction():
        reader.execute("SELECT FROM outbox")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            convert(former, tmp_path)
        assert rows(former) == before

    convert(former, tmp_path)
    assert rows(former) == before
