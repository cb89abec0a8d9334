"""Tokens with which guests read their order: 256 random bits, of which the hash is stored."""

import hashlib
import hmac
import secrets
from uuid import UUID

from kernel.storage.database import Connection


def issue(connection: Connection, order_id: UUID) -> str:
    """Return a new token of the order and store its hash."""
    token = secrets.token_urlsafe(32)
    connection.execute("INSERT INTO order_tokens (order_id, token_hash) VALUES (%s, %s)", (order_id, _hash(token)))
    return token


def matches(connection: Connection, order_id: UUID, token: str | None) -> bool:
    """Return whether *token* is the token of this order."""
    row = connection.execute("SELECT token_hash FROM order_tokens WHERE order_id = %s", (order_id,)).fetchone()
    return row is not None and token is not None and hmac.compare_digest(row[0], _hash(token))


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
