"""Migrations: applied once, in order, never half; and the rights that they give."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege

from kernel.storage import migrations
from kernel.storage.migrations import MigrationError
from tests.kit.databases import PASSWORDS, Database, migrated

KERNEL = [f"kernel/{path.name}" for path in sorted(migrations.KERNEL.glob("*.sql"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "probe" / "migrations").mkdir(parents=True)
    return tmp_path / "probe" / "migrations"


@pytest.fixture
def empty(postgres: str) -> Iterator[Database]:
    """The database of a domain `probe`, without any table."""
    database = Database(postgres, "probe", "probe")
    with psycopg.connect(postgres, autocommit=True) as connection:
        migrations.create_database(connection, "probe", PASSWORDS)
        yield database
        connection.execute("DROP DATABASE probe WITH (FORCE)")


def test_applies_each_file_once(empty: Database, folder: Path) -> None:
    """A second run finds nothing to do, and only what is new is added later."""
    (folder / "0001_first.sql").write_text("CREATE TABLE first ()")

    assert migrations.apply(empty.url("owner"), "probe", folder) == [*KERNEL, "probe/0001_first.sql"]
    (folder / "0002_second.sql").write_text("CREATE TABLE second (); CREATE TABLE third ()")

    assert [each.name for each in migrations.status(empty.url("owner"), folder) if not each.applied] == [
        "probe/0002_second.sql"
    ]
    assert migrations.apply(empty.url("owner"), "probe", folder) == ["probe/0002_second.sql"]
    assert migrations.apply(empty.url("owner"), "probe", folder) == []


def test_refuses_a_file_that_was_changed(empty: Database, folder: Path) -> None:
    """History is not rewritten: the error names the file and says what to do."""
    (folder / "0001_first.sql").write_text("CREATE TABLE first ()")
    migrations.apply(empty.url("owner"), "probe", folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE another ()")

    with pytest.raises(MigrationError, match=r"probe/0001_first.sql was changed .* add a new file"):
        migrations.apply(empty.url("owner"), "probe", folder)


def test_refuses_a_file_before_an_applied_one(empty: Database, folder: Path) -> None:
    """A file that was merged late gets the next number; it is not slipped in."""
    (folder / "0002_second.sql").write_text("CREATE TABLE second ()")
    migrations.apply(empty.url("owner"), "probe", folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE first ()")

    with pytest.raises(MigrationError, match=r"0001_first\.sql comes before probe/0002_second\.sql"):
        migrations.apply(empty.url("owner"), "probe", folder)


@pytest.mark.parametrize("names", [["first.sql"], ["0001_a.sql", "0001_b.sql"]])
def test_refuses_names_without_an_order(names: list[str], empty: Database, folder: Path) -> None:
    """Each file has a number of its own."""
    for name in names:
        (folder / name).write_text("SELECT 1")

    with pytest.raises(MigrationError, match="must be named"):
        migrations.apply(empty.url("owner"), "probe", folder)


def test_leaves_nothing_of_a_file_that_fails(empty: Database, folder: Path) -> None:
    """A file is one transaction; the ones before it stay, and the error names it."""
    (folder / "0001_good.sql").write_text("CREATE TABLE good ()")
    (folder / "0002_bad.sql").write_text("CREATE TABLE half (); SELECT nonsense")

    with pytest.raises(psycopg.Error) as failed:
        migrations.apply(empty.url("owner"), "probe", folder)

    assert "probe/0002_bad.sql" in failed.value.__notes__[0]
    assert empty.rows("SELECT to_regclass('good') IS NOT NULL, to_regclass('half') IS NULL") == [(True, True)]


def test_runs_a_marked_file_outside_of_a_transaction(empty: Database, folder: Path) -> None:
    """CREATE INDEX CONCURRENTLY works."""
    (folder / "0001_table.sql").write_text("CREATE TABLE things (name text)")
    marked = "-- transaction: none\nCREATE INDEX CONCURRENTLY IF NOT EXISTS things_name ON things (name)"
    (folder / "0002_index.sql").write_text(marked)

    migrations.apply(empty.url("owner"), "probe", folder)

    assert empty.rows("SELECT to_regclass('things_name') IS NOT NULL") == [(True,)]


def test_runs_one_at_a_time(empty: Database, folder: Path) -> None:
    """Several runs at once, of roles and of files, take turns; each file is applied by one of them."""
    for number in range(5):
        (folder / f"000{number}_table.sql").write_text(f"CREATE TABLE table_{number} ()")
    applied: list[str] = []

    def run() -> None:
        with psycopg.connect(empty.server, autocommit=True) as connection:
            migrations.create_database(connection, "probe", PASSWORDS)
        applied.extend(migrations.apply(empty.url("owner"), "probe", folder))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(applied) == len(set(applied)) == len(KERNEL) + 5


def test_writes_the_roles_names(empty: Database, folder: Path) -> None:
    """`:app` and its like become the domain's roles; casts and times stay as they are."""
    (folder / "0001_grant.sql").write_text(
        "CREATE TABLE secret (at timestamp DEFAULT '2026-01-01 10:00'::timestamp);"
        "REVOKE ALL ON secret FROM :app, :ro; GRANT SELECT ON secret TO :relay"
    )
    migrations.apply(empty.url("owner"), "probe", folder)

    with empty.connect("relay") as connection:
        connection.execute("SELECT * FROM secret")
    with empty.connect("app") as connection, pytest.raises(InsufficientPrivilege):
        connection.execute("SELECT * FROM secret")


def test_asks_for_every_password(postgres: str) -> None:
    """A role without password is named, and nothing is made."""
    with psycopg.connect(postgres, autocommit=True) as connection, pytest.raises(MigrationError, match="incomplete_ro"):
        migrations.create_database(connection, "incomplete", {"owner": "a", "app": "b", "relay": "c"})


FORBIDDEN = {
    "app": [
        "CREATE TABLE mine ()",
        "DROP TABLE outbox",
        "ALTER TABLE events ADD COLUMN more text",
        "TRUNCATE events",
        "CREATE SCHEMA mine",
        "CREATE TEMPORARY TABLE mine ()",
        "UPDATE outbox SET published_at = now()",
        "DELETE FROM outbox",
        "UPDATE inbox SET handled_at = now()",
        "DELETE FROM inbox",
        "SELECT * FROM migrations",
        "INSERT INTO migrations (name, checksum) VALUES ('x', 'x')",
        "SELECT prune_outbox('1 day')",
        "SELECT prune_inbox('1 day')",
    ],
    "relay": [
        "CREATE TABLE mine ()",
        "SELECT * FROM events",
        "INSERT INTO events (id, user_id, event_type) VALUES (gen_random_uuid(), 'u', 'LOGIN')",
        "SELECT * FROM inbox",
        "INSERT INTO outbox (topic, aggregate) VALUES ('t', 'a')",
        "UPDATE outbox SET value = 'forged'",
        "UPDATE outbox SET topic = 'another'",
        "DELETE FROM outbox",
        "SELECT * FROM migrations",
    ],
    "ro": [
        "CREATE TABLE mine ()",
        "INSERT INTO events (id, user_id, event_type) VALUES (gen_random_uuid(), 'u', 'LOGIN')",
        "UPDATE events SET user_id = 'x'",
        "DELETE FROM events",
        "INSERT INTO outbox (topic, aggregate) VALUES ('t', 'a')",
        "UPDATE outbox SET published_at = now()",
        "SELECT prune_outbox('1 day')",
        "SELECT * FROM migrations",
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("role", "statement"), [(role, each) for role, several in FORBIDDEN.items() for each in several]
)
def test_forbids_what_a_role_has_no_business_with(role: str, statement: str, activity: Database) -> None:
    """Every verb that a role does not need is refused with 42501."""
    with activity.connect(role) as connection:
        connection.execute("SET default_transaction_read_only TO off")
        with pytest.raises(InsufficientPrivilege):
            connection.execute(statement.encode())


def test_keeps_other_domains_out(activity: Database, empty: Database) -> None:
    """A domain's roles cannot even connect to another domain's database."""
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(empty.url("app"), dbname="activity")
    migrated(activity.server, "activity")
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(activity.url("app"), dbname="probe")


@pytest.mark.parametrize("role", ["app", "relay", "ro"])
def test_bounds_every_wait_on_the_role(role: str, activity: Database) -> None:
    """No session of a function waits, or holds a transaction open, without end."""
    with activity.connect(role) as connection:
        for setting in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
            shown = connection.execute(sql.SQL("SHOW {}").format(sql.Identifier(setting))).fetchone()
            assert shown not in (None, ("0",))
