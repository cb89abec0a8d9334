"""Postgres: one warm connection for each domain, role and thread of an execution environment, and transactions on it."""

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from kernel import settings
from kernel.aws import secrets
from kernel.errors import ForgottenError, UnavailableError

type Connection = psycopg.Connection[tuple[Any, ...]]

# A vanished peer (a frozen environment, a failover, a NAT that dropped its entry) is noticed within seconds.
NETWORK: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 5,
    "tcp_user_timeout": 5000,
}

# Classes and codes of PostgreSQL's documentation, appendix A.
DOWN_OR_BUSY = ("08", "53", "57P0", "58", "40001", "40P01", "55P03", "57014", "25006", "25P03", "25P04")
# A migration or a grant is missing, or a password was rotated: dead-lettering the events would not help.
NOT_READY = ("42P01", "42703", "42883", "3D000", "42501", "28")

# Raised by the guards of `schema/0006_forgetting.sql`.
FORGOTTEN = "MR410"

type Place = tuple[str, str | None, threading.Thread]

# By domain, role and thread: two threads would get into each other's transactions on one connection.
_connections: dict[Place, Connection] = {}


@contextlib.contextmanager
def transaction(domain: str, role: str | None = None) -> Iterator[Connection]:
    """Commit when the block ends, roll back when it raises. Inside another transaction of *domain* it is a savepoint.

    *role*: of `connect`. Another role's transaction is no savepoint but a transaction of its own.

    Replaces a connection that died while it was idle.
    Raises UnavailableError when the database is down, busy or not ready. A commit may have taken place or not then.
    Raises ForgottenError for a new row about a person whose account was deleted.
    Other errors of psycopg (a constraint, a malformed value) pass unchanged.
    """
    try:
        with contextlib.ExitStack() as stack:
            connection = _begin(domain, role, stack)
            yield connection
            _require_alive(connection)
    except psycopg.Error as error:
        if error.sqlstate == FORGOTTEN:
            raise ForgottenError from error
        if not is_transient(error):
            raise
        message = f"The {domain} database is not available."
        raise UnavailableError(message) from error


def connect(domain: str, role: str | None = None) -> Connection:
    """Open a connection in autocommit mode. If the password was rotated, reads it again, once.

    *role*: `app`, `relay`, `owner` or `ro`; None for the function's own (`kernel.settings.Database`). Another role than its
    own is for functions that serve several domains, and have the right to read its secret.

    Prepares no statements on the server: a pooler in between would have to pin its connection to ours.
    """
    conninfo = _conninfo(domain, role, fresh=False)
    try:
        return psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
    except psycopg.OperationalError:
        rotated = _conninfo(domain, role, fresh=True)
        if rotated == conninfo:
            raise
        return psycopg.connect(rotated, autocommit=True, prepare_threshold=None)


def reset() -> None:
    """Close all warm connections. The next transaction opens a new one."""
    while _connections:
        _connections.popitem()[1].close()


def is_transient(error: psycopg.Error) -> bool:
    """Return whether the same work may succeed later without being changed.

    An OperationalError without SQLSTATE is a connection that could not be opened or was lost.
    """
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate.startswith(DOWN_OR_BUSY + NOT_READY)


def _begin(domain: str, role: str | None, stack: contextlib.ExitStack) -> Connection:
    place = (domain, role, threading.current_thread())
    warm = _connections.get(place) or _inherit(domain, role)
    if warm is not None:
        nested = warm.info.transaction_status is not TransactionStatus.IDLE and not warm.closed
        try:
            stack.enter_context(warm.transaction())
        except psycopg.OperationalError:
            # BEGIN is the first statement: when it fails, no work is lost and a new connection will do. When a
            # savepoint fails, the work before it is lost too.
            if nested:
                raise
            warm.close()
        else:
            _connections[place] = warm
            return warm
    connection = _connections[place] = connect(domain, role)
    stack.enter_context(connection.transaction())
    return connection


def _inherit(domain: str, role: str | None) -> Connection | None:
    """Take over a warm connection of a thread that has ended, so that short-lived threads do not accumulate them."""
    for place in list(_connections):
        if place[:2] == (domain, role) and not place[2].is_alive() and (connection := _connections.pop(place, None)):
            return connection
    return None


def _require_alive(connection: Connection) -> None:
    """Raise OperationalError on a lost connection: psycopg does not, if the block swallowed the error it got."""
    if connection.closed:
        raise psycopg.OperationalError("The connection was lost before the commit.")


def _conninfo(domain: str, role: str | None, *, fresh: bool) -> str:
    url = os.environ.get("_".join(filter(None, ("DATABASE_URL", domain.upper(), role and role.upper()))))
    if url:
        return make_conninfo(url, **NETWORK)
    server = settings.Database.from_environment()
    credentials = secrets.get(f"{server.secret_prefix}{domain}_{role or server.role}", fresh=fresh)
    return make_conninfo(
        host=server.host,
        port=server.port,
        sslmode=server.sslmode,
        dbname=server.name or domain,
        user=credentials.username,
        password=credentials.password,
        application_name=os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "millrace"),
        **NETWORK,
    )
