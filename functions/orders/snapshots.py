"""Orders as they were after many events, so that reading one with a long history does not begin at its first day.

They are a cache and nothing more: one that is missing, damaged or of another release is as none.
"""

import hashlib
from uuid import UUID

import msgspec

from kernel.storage.database import Connection
from kernel.telemetry import logger
from orders.model import Order

# Few orders have so many events; those that do are the ones that cost.
EVERY = 16
# To be counted up with each change of `Order` or of what an event makes of it.
SCHEMA_VERSION = 2

_decode = msgspec.json.Decoder(Order).decode


def get(connection: Connection, order_id: UUID) -> Order | None:
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
    """Keep *order*, if it is time to."""
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
