"""The event store in Postgres. Rows are only added."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from kernel import ids, telemetry
from kernel.storage.database import Connection
from orders import events
from orders.events import OrderEvent
from orders.model import Recorded


def append(connection: Connection, order_id: UUID, version: int, event: OrderEvent) -> Recorded | None:
    """Append *event* as the order's *version*. Returns None if that version exists.

    Waits for another transaction that is appending it. Raises no error, so that the caller's transaction can go on.
    """
    event_id = ids.new()
    row = connection.execute(
        """
        INSERT INTO order_events (order_id, version, type, schema_version, data, causation, event_id)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        RETURNING recorded_at
        """,
        (
            order_id,
            version,
            type(event).__name__,
            event.schema_version,
            msgspec.json.encode(event).decode(),
            telemetry.current().cause,
            event_id,
        ),
    ).fetchone()
    return Recorded(version, row[0], event, event_id) if row else None


def history(connection: Connection, order_id: UUID, *, after: int = 0, limit: int | None = None) -> list[Recorded]:
    """Return the order's events with a version above *after*, in sequence."""
    rows = connection.execute(
        """
        SELECT version, recorded_at, type, schema_version, data, event_id FROM order_events
        WHERE order_id = %s AND version > %s ORDER BY version LIMIT %s
        """,
        (order_id, after, limit),
    )
    return [_recorded(_Row(*row)) for row in rows]


def count(connection: Connection) -> int:
    """Return how many orders there are."""
    [found] = connection.execute("SELECT count(*) FROM order_events WHERE version = 1").fetchone() or (0,)
    return int(found)


def last_of_page(connection: Connection, after: UUID, size: int) -> UUID | None:
    """Return the last order of the page of *size* orders after the order *after*, or None if fewer are left."""
    row = connection.execute(
        "SELECT order_id FROM order_events WHERE version = 1 AND order_id > %s ORDER BY order_id OFFSET %s LIMIT 1",
        (after, size - 1),
    ).fetchone()
    return row[0] if row else None


def histories(connection: Connection, after: UUID, through: UUID) -> Iterator[tuple[UUID, Iterator[Recorded]]]:
    """All events of each order whose id is between the two, the second included."""
    rows = connection.execute(
        """
        SELECT order_id, version, recorded_at, type, schema_version, data, event_id FROM order_events
        WHERE order_id > %s AND order_id <= %s ORDER BY order_id, version
        """,
        (after, through),
    )
    for order_id, several in groupby(rows, key=lambda row: row[0]):
        yield order_id, (_recorded(_Row(*row[1:])) for row in several)


class _Row(NamedTuple):
    version: int
    recorded_at: datetime
    type: str
    schema_version: int
    data: dict[str, Any]
    event_id: UUID | None


def _recorded(row: _Row) -> Recorded:
    event = events.decode(row.type, row.schema_version, row.data)
    return Recorded(row.version, row.recorded_at, event, row.event_id)
