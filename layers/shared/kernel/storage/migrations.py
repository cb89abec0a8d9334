"""A domain's database: its roles, and the forward-only SQL files that create its tables.

A file `0001_what.sql` runs once, in one transaction together with the record of its name and checksum. The kernel's
own files (outbox, inbox) run before the domain's.

A file whose first line is `-- transaction: none` holds a single statement that cannot run in a transaction (CREATE
INDEX CONCURRENTLY). It must be safe to repeat (IF NOT EXISTS): a crash may come between the statement and its record.

In the SQL, `:owner`, `:app`, `:relay` and `:ro` stand for the domain's roles. This module imports psycopg and the
standard library alone, because the local cloud and the operations function run it.
"""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, LiteralString, NamedTuple

import psycopg
from psycopg import sql

KERNEL = Path(__file__).with_name("schema")
ROLES = ("owner", "app", "relay", "ro")
WITHOUT_TRANSACTION = "-- transaction: none"
ROLE_NAME = re.compile(r"(?<![:\w]):(owner|app|relay|ro)\b")
FILE_NAME = re.compile(r"\d{4}_\w+\.sql")
LOCK = 0x6D696C6C  # "mill"

# Set on the role, because a SET per connection would pin a pooler's connection. In milliseconds.
TIMEOUTS = {
    "owner": {"lock_timeout": 5_000, "statement_timeout": 600_000, "idle_in_transaction_session_timeout": 60_000},
    "app": {"lock_timeout": 3_000, "statement_timeout": 10_000, "idle_in_transaction_session_timeout": 30_000},
    "relay": {"lock_timeout": 3_000, "statement_timeout": 20_000, "idle_in_transaction_session_timeout": 60_000},
    "ro": {"lock_timeout": 3_000, "statement_timeout": 30_000, "idle_in_transaction_session_timeout": 30_000},
}

type Connection = psycopg.Connection[tuple[Any, ...]]


class MigrationError(Exception):
    """A file or a role is wrong. The message names it and says what to do. Nothing was changed."""


class Migration(NamedTuple):
    """One file. *name*: as recorded, for example `kernel/0001_outbox.sql`."""

    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


class Status(NamedTuple):
    name: str
    applied: bool


def create_database(admin: Connection, domain: str, passwords: Mapping[str, str]) -> None:
    """Create *domain*'s database and its four roles, or correct existing ones.

    Safe to repeat and to run from two places at once.

    *admin*: an autocommit connection of a role that may create databases and roles.
    *passwords*: one for each of `ROLES`.
    """
    if missing := [role for role in ROLES if role not in passwords]:
        message = f"A password is missing for {', '.join(f'{domain}_{role}' for role in missing)}."
        raise MigrationError(message)
    with _exclusive(admin):
        for role in ROLES:
            _create_role(admin, f"{domain}_{role}", passwords[role], TIMEOUTS[role])
        owner, database = sql.Identifier(f"{domain}_owner"), sql.Identifier(domain)
        admin.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(owner))
        if not _exists(admin, "SELECT FROM pg_database WHERE datname = %s", domain):
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(database, owner))
        admin.execute(sql.SQL("ALTER DATABASE {} SET timezone TO 'UTC'").format(database))
        admin.execute(sql.SQL("ALTER ROLE {} SET default_transaction_read_only TO on").format(_role(domain, "ro")))
        admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(database))
        for role in ROLES:
            admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(database, _role(domain, role)))


def apply(target: Connection | str, domain: str, directory: Path) -> list[str]:
    """Run the new migrations of the kernel and of *directory*. Returns their names.

    One file is one transaction: after an error the files before it stay applied.
    Raises MigrationError if an applied file was changed since, or if a new one comes before an applied one.
    Errors of psycopg pass with the file's name added.

    *target*: an autocommit connection of the domain's owner to its database, or the URL for one.
    """
    with _connected(target) as connection, _exclusive(connection):
        pending = _pending(connection, directory)
        for migration in pending:
            try:
                _run(connection, domain, migration)
            except psycopg.Error as error:
                error.add_note(f"in the migration {migration.name} of the {domain} database")
                raise
        return [migration.name for migration in pending]


def status(target: Connection | str, directory: Path) -> list[Status]:
    """Return every migration in order, and whether it is applied. Raises as `apply` does, but changes nothing."""
    with _connected(target) as connection:
        if not _exists(connection, "SELECT FROM pg_class WHERE oid = to_regclass(%s)", "migrations"):
            return [Status(migration.name, applied=False) for migration in _files(directory)]
        pending = {migration.name for migration in _not_recorded(connection, directory)}
        return [Status(migration.name, migration.name not in pending) for migration in _files(directory)]


def _pending(connection: Connection, directory: Path) -> list[Migration]:
    connection.execute(
        """
        CREATE TABLE IF NOT EXISTS migrations (
            name       text        PRIMARY KEY,
            checksum   text        NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT now()
        )
        """
    )
    return _not_recorded(connection, directory)


def _not_recorded(connection: Connection, directory: Path) -> list[Migration]:
    recorded: dict[str, str] = dict(connection.execute("SELECT name, checksum FROM migrations").fetchall())
    pending: list[Migration] = []
    for migration in _files(directory):
        if migration.name not in recorded:
            pending.append(migration)
        elif recorded[migration.name] != migration.checksum:
            message = f"{migration.name} was changed after it was applied. Restore it, and add a new file instead."
            raise MigrationError(message)
        elif (late := pending[-1:]) and Path(late[0].name).parent == Path(migration.name).parent:
            message = f"{late[0].name} comes before {migration.name}, which is applied. Give it the next number."
            raise MigrationError(message)
    return pending


def _files(directory: Path) -> Iterator[Migration]:
    for source, folder in (("kernel", KERNEL), (directory.parent.name, directory)):
        numbers: set[str] = set()
        for path in sorted(folder.glob("*.sql")):
            if not FILE_NAME.fullmatch(path.name) or path.name[:4] in numbers:
                message = f"{path} must be named 0001_what.sql, with a number of its own."
                raise MigrationError(message)
            numbers.add(path.name[:4])
            yield Migration(f"{source}/{path.name}", path.read_text())


def _run(connection: Connection, domain: str, migration: Migration) -> None:
    text = ROLE_NAME.sub(lambda match: sql.Identifier(f"{domain}_{match[1]}").as_string(connection), migration.text)
    atomic = not text.startswith(WITHOUT_TRANSACTION)
    with connection.transaction() if atomic else contextlib.nullcontext():
        connection.execute(text.encode())
        connection.execute(
            "INSERT INTO migrations (name, checksum) VALUES (%s, %s)", (migration.name, migration.checksum)
        )


@contextlib.contextmanager
def _connected(target: Connection | str) -> Iterator[Connection]:
    if isinstance(target, str):
        with psycopg.connect(target, autocommit=True) as connection:
            yield connection
    else:
        yield target


@contextlib.contextmanager
def _exclusive(connection: Connection) -> Iterator[None]:
    """Lock out other runs until the block ends. Waits for another run as long as it takes."""
    [patience] = connection.execute("SELECT current_setting('lock_timeout')").fetchone() or ("0",)
    connection.execute("SET lock_timeout TO 0")
    connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
    try:
        connection.execute("SELECT set_config('lock_timeout', %s, false)", (patience,))
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def _create_role(admin: Connection, name: str, password: str, timeouts: Mapping[str, int]) -> None:
    role = sql.Identifier(name)
    if not _exists(admin, "SELECT FROM pg_roles WHERE rolname = %s", name):
        admin.execute(sql.SQL("CREATE ROLE {}").format(role))
    # Hashed here, because a server may log the statement.
    verifier = admin.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
    options = sql.SQL("ALTER ROLE {} LOGIN NOCREATEDB NOCREATEROLE PASSWORD {}")
    admin.execute(options.format(role, sql.Literal(verifier)))
    for setting, milliseconds in timeouts.items():
        statement = sql.SQL("ALTER ROLE {} SET {} TO {}")
        admin.execute(statement.format(role, sql.Identifier(setting), sql.Literal(milliseconds)))


def _role(domain: str, role: str) -> sql.Identifier:
    return sql.Identifier(f"{domain}_{role}")


def _exists(connection: Connection, query: LiteralString, name: str) -> bool:
    return connection.execute(query, (name,)).fetchone() is not None
