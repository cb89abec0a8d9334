"""Snapshots of orders, so that reading one with a long history need not fold all of its events.

They are only a cache. A missing, damaged or outdated snapshot is ignored.
"""

import hashlib
from uuid import UUID

import msgspec

from kernel.storage.database import Connection
from kernel.telemetry import logger
from orders.model import Order

# Few orders have so many events, and only for those a snapshot pays off.
EVERY = 16
# Increment it with each change of `Order` or of how an event is applied to it.
SCHEMA_VERSION = 2

_decode = msgspec.json.Decoder(Order).decode


def get(connection: Connection, order_id: UUID) -> Order | None:
    """Return the order as of its last snapshot, or None."""
    row = connection.execute(
        "SELECT version, state, digest FROM order_snapshots WHERE order_id = %s AND schema_version = %s",
        (order_id, SCHEMA_VERSION),
    ).fetchone()
    if row is None:
        return None
    version, state, digest = row
    if digest != _digest(order_id, version, state):
        logger.warning("snapshot is damaged", extra={"order_id": str(order_id)})
        return None
    return _decode(state)


def put(connection: Connection, order: Order) -> None:
    """Store a snapshot of *order* after every 16th event."""
    if order.version % EVERY:
        return
    state = msgspec.json.encode(order).decode()
    connection.execute(
        """
        INSERT INTO order_snapshots (order_id, version, schema_version, state, digest) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (order_id) DO UPDATE SET
            version = excluded.version, schema_version = excluded.schema_version,
            state = excluded.state, digest = excluded.digest
        """,
        (order.order_id, order.version, SCHEMA_VERSION, state, _digest(order.order_id, order.version, state)),
    )


def _digest(order_id: UUID, version: int, state: str) -> bytes:
    return hashlib.sha256(f"{order_id} {version} {state}".encode()).digest()
