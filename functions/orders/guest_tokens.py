"""Tokens with which guests, who have no account, read their order: 256 random bits, of which we keep the hash."""

import hashlib
import hmac
import secrets
from uuid import UUID

from kernel.storage.database import Connection


def issue(connection: Connection, order_id: UUID) -> str:
    token = secrets.token_urlsafe(32)
    connection.execute("INSERT INTO order_tokens (order_id, token_hash) VALUES (%s, %s)", (order_id, _hash(token)))
    return token


def opens(connection: Connection, order_id: UUID, token: str | None) -> bool:
    """Whether *token* is the one of this order."""
    row = connection.execute("SELECT token_hash FROM order_tokens WHERE order_id = %s", (order_id,)).fetchone()
    return row is not None and token is not None and hmac.compare_digest(row[0], _hash(token))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
