"""A database of its own for each test, copied in milliseconds from one that was migrated once."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from kernel.storage import migrations
from millrace_local.instance import ROOT

PASSWORDS = {role: f"secret of {role}" for role in migrations.ROLES}


@dataclass(frozen=True)
class Database:
    """A domain's database with its four roles."""

    server: str
    domain: str
    name: str

    def url(self, role: str) -> str:
        user = f"{self.domain}_{role}"
        return make_conninfo(self.server, dbname=self.name, user=user, password=PASSWORDS[role])

    def connect(self, role: str = "owner") -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(self.url(role), autocommit=True)

    def rows(self, query: LiteralString, *parameters: object) -> list[tuple[Any, ...]]:
        """What *query* gives, as the owner."""
        with self.connect() as connection:
            return connection.execute(query, parameters).fetchall()

    def end_sessions(self) -> None:
        """Cut every connection to it, as a failover does."""
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (self.name,)
            )


def migrated(server: str, domain: str) -> Database:
    """*domain*'s database under its own name, as `./millrace up` makes it."""
    database = Database(server, domain, domain)
    with psycopg.connect(server, autocommit=True) as connection:
        migrations.create_database(connection, domain, PASSWORDS)
    migrations.apply(database.url("owner"), domain, ROOT / "functions" / domain / "migrations")
    return database


@contextlib.contextmanager
def copied(template: Database) -> Iterator[Database]:
    """A copy of *template*, dropped when the block ends."""
    copy = Database(template.server, template.domain, f"{template.domain}_{uuid4().hex[:12]}")
    owner = f"{copy.domain}_owner"
    names = sql.Identifier(copy.name), sql.Identifier(template.name), sql.Identifier(owner)
    with psycopg.connect(template.server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*names))
        # The rights on a database itself are not copied.
        connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(names[0]))
        for role in migrations.ROLES:
            user = sql.Identifier(f"{copy.domain}_{role}")
            connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(names[0], user))
        try:
            yield copy
        finally:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(names[0]))
