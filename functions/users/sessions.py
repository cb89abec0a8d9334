"""Sessions: a log-in and its refresh tokens, each for one use. A second use means theft, and ends the session."""

import secrets
from typing import NamedTuple
from uuid import UUID

from kernel import ids
from kernel.storage.database import Connection
from users.token_families import Family, RefreshToken, Use

LIFETIME_DAYS = 30
FAMILY_KEY_BYTES = 32


class Rotated(NamedTuple):
    """A session's next *token*, and its user."""

    token: RefreshToken
    user_id: UUID
    scopes: list[str]


def begin(connection: Connection, user_id: UUID) -> RefreshToken:
    """Open a session and return its first token. Deletes the user's expired sessions."""
    family_key = secrets.token_bytes(FAMILY_KEY_BYTES)
    token = RefreshToken.new(ids.new(), family_key)
    connection.execute("DELETE FROM sessions WHERE user_id = %s AND expires_at < now()", (user_id,))
    connection.execute(
        """
        INSERT INTO sessions (id, user_id, token_hash, family_key, expires_at)
        VALUES (%s, %s, %s, %s, now() + make_interval(days => %s))
        """,
        (token.session_id, user_id, token.hash(), family_key, LIFETIME_DAYS),
    )
    return token


def rotate(connection: Connection, token: RefreshToken, idempotency_key: str | None = None) -> Rotated | Use:
    """Replace *token* by its successor. Returns the kind of use instead if *token* may not be replaced.

    A theft ends the session. Repeating the same exchange (same key) returns the same successor.
    Refreshes of one session wait for each other. The caller must commit in either case.
    """
    row = connection.execute(
        """
        SELECT token_hash, previous_hash, now() - rotated_at, family_key, user_id, scopes
        FROM sessions JOIN users ON users.id = user_id
        WHERE sessions.id = %s AND revoked_at IS NULL AND expires_at > now() FOR UPDATE OF sessions
        """,
        (token.session_id,),
    ).fetchone()
    if row is None:
        return Use.GUESS
    *columns, user_id, scopes = row
    family = Family(*columns)
    successor = token.successor(idempotency_key, family.key)
    use = family.judge(token, successor)
    if use is Use.ROTATION:
        connection.execute(
            "UPDATE sessions SET token_hash = %s, previous_hash = token_hash, rotated_at = now() WHERE id = %s",
            (successor.hash(), token.session_id),
        )
    elif use is Use.THEFT:
        _revoke(connection, token.session_id)
    return Rotated(successor, user_id, scopes) if use in (Use.ROTATION, Use.REPETITION) else use


def end(connection: Connection, token: RefreshToken) -> bool:
    """End the session whose current or previous token is *token*. Returns False if there is none."""
    row = connection.execute(
        "SELECT token_hash, previous_hash, now() - rotated_at, family_key FROM sessions WHERE id = %s FOR UPDATE",
        (token.session_id,),
    ).fetchone()
    if row is None or not Family(*row).holds(token):
        return False
    _revoke(connection, token.session_id)
    return True


def end_all(connection: Connection, user_id: UUID) -> None:
    """End every session of the user."""
    connection.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = %s AND revoked_at IS NULL", (user_id,))


def _revoke(connection: Connection, session_id: UUID) -> None:
    connection.execute("UPDATE sessions SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (session_id,))
