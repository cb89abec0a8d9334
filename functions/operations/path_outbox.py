"""Events in the outboxes, for `trace_event`: which domain stored them, and whether they are published."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct
from psycopg.sql import SQL

from kernel.errors import UnavailableError
from kernel.messaging.outbox import decode_headers
from kernel.storage import database
from kernel.storage.database import Connection

SECONDS = 3
COLUMNS = SQL("id, topic, key, headers::text, created_at, published_at, parked_at, parked_reason")
# More rows are of a correlation id that a client uses for everything.
MOST = 50
# Before an event's id, its row's transaction began; usually it is published soon after.
EARLIER = timedelta(minutes=1)
SOON = timedelta(minutes=10)

type Found = tuple[list[Stored], str | None]


class Stored(Struct, frozen=True):
    """A row of an outbox. *headers*: the first of each name, as text."""

    domain: str
    id: int
    topic: str
    key: str | None
    headers: dict[str, str]
    created_at: datetime
    published_at: datetime | None
    parked_at: datetime | None
    parked_reason: str | None

    @property
    def is_dead_letter(self) -> bool:
        return "dlq_consumer" in self.headers

    def concerns(self, wanted: str) -> bool:
        """Return whether *wanted* is the row's event or its correlation."""
        return wanted in {self.headers.get("ce_id"), self.headers.get("ce_correlationid")}


def find(
    domains: list[str], wanted: str, since: datetime | None, until: datetime | None
) -> tuple[list[Stored], list[str]]:
    """Return the rows of the event or correlation *wanted*, the oldest first, and what could not be read.

    *since*: when it came into being, if that is known: then the rows of the minutes after it are read first.
    """
    with ThreadPoolExecutor(len(domains)) as pool:
        found = list(pool.map(lambda domain: _find(domain, wanted, since, until), domains))
    rows = (row for rows, _ in found for row in rows if row.concerns(wanted))
    return sorted(rows, key=lambda row: row.created_at), [note for _, note in found if note]


def of_transaction(
    connection: Connection, domain: str, began: datetime, since: datetime, correlation: str
) -> list[Stored]:
    """Return the rows of the transaction that began at *began*, and the correlation's that were stored from *since* on.

    `now()` is the same for all rows of a transaction, and their publication does not change `created_at`.
    """
    found = connection.execute(
        SQL("""
        SELECT {} FROM outbox
        WHERE (published_at IS NULL OR published_at >= %(since)s AND published_at < %(began)s + interval '1 hour')
            AND (created_at = %(began)s
                OR created_at >= %(since)s AND created_at < %(began)s AND position(%(correlation)s IN headers::text) > 0)
        ORDER BY created_at, id LIMIT %(most)s
        """).format(COLUMNS),
        {"began": began, "since": since, "correlation": f'"{correlation}"', "most": MOST},
    )
    return _rows(domain, found)


def _find(domain: str, wanted: str, since: datetime | None, until: datetime | None) -> Found:
    try:
        with database.transaction(domain, "ro") as connection:
            connection.execute("SELECT set_config('statement_timeout', %s, true)", (f"{SECONDS}s",))
            rows = _rows(domain, _waiting(connection, wanted))
            if since is not None:
                rows += _rows(domain, _published(connection, wanted, since - EARLIER, since + SOON))
            if not rows:
                start = since - EARLIER if since else datetime.fromtimestamp(0, UTC)
                rows = _rows(domain, _published(connection, wanted, start, until or datetime.now(UTC)))
    except UnavailableError as error:
        return [], f"The outbox of {domain} was not read: {error.__cause__ or error}."
    return rows, None


def _waiting(connection: Connection, wanted: str) -> Iterable[tuple[Any, ...]]:
    return connection.execute(
        SQL("""
        SELECT {} FROM outbox
        WHERE published_at IS NULL AND position(%s IN headers::text) > 0 ORDER BY id LIMIT %s
        """).format(COLUMNS),
        (f'"{wanted}"', MOST),
    )


def _published(connection: Connection, wanted: str, since: datetime, until: datetime) -> Iterable[tuple[Any, ...]]:
    return connection.execute(
        SQL("""
        SELECT {} FROM outbox
        WHERE published_at >= %s AND published_at < %s AND position(%s IN headers::text) > 0
        ORDER BY published_at LIMIT %s
        """).format(COLUMNS),
        (since, until, f'"{wanted}"', MOST),
    )


def _rows(domain: str, found: Iterable[tuple[Any, ...]]) -> list[Stored]:
    return [_stored(domain, *row) for row in found]


def _stored(domain: str, id_: int, topic: str, key: bytes | None, headers: str, *times: Any) -> Stored:  # noqa: ANN401 - of the row
    texts = {name: value.decode(errors="replace") for name, value in reversed(decode_headers(headers))}
    return Stored(domain, id_, topic, None if key is None else key.decode(errors="replace"), texts, *times)
