"""A domain's database as tests read and write it, and the Postgres that has it."""

from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from kernel.storage import migrations
from millrace_local.instance import ROOT, Instance
from millrace_local.servers.postgres import Postgres
from millrace_local.servers.server import Command

PASSWORDS = {role: f"secret of {role}" for role in migrations.ROLES}

UNSYNCED = {
    "fsync": "off",
    "scram_iterations": 1,  # a client hashes its password that often, and tests connect for each look
    "shared_buffers": "16MB",  # all of them are searched when a table is emptied
}


class UnsyncedPostgres(Postgres):
    """Serve databases that outlive a crash of Postgres, and not one of the machine: no test makes that."""

    def command(self, instance: Instance) -> Command:
        return [*super().command(instance), *(f"--{name}={value}" for name, value in UNSYNCED.items())]


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


def shorten_login(server: str) -> None:
    """Hash the superuser's password as often as *server* does now: initdb did it the usual number of times."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(connection.info.password))
