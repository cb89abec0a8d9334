"""Sessions: a log-in and its refresh tokens, each good once. One used twice was stolen, and ends the session."""

import hmac
from typing import NamedTuple
from uuid import UUID

from kernel import ids
from kernel.database import Connection
from users.model import RefreshToken

LIFETIME_DAYS = 30


class Rotated(NamedTuple):
    """A session goes on with *token*."""

    token: RefreshToken
    user_id: UUID
    scopes: list[str]


def begin(connection: Connection, user_id: UUID) -> RefreshToken:
    """A new session's first token. The user's sessions that are over are deleted."""
    token = RefreshToken.new(ids.new())
    connection.execute("DELETE FROM sessions WHERE user_id = %s AND expires_at < now()", (user_id,))
    connection.execute(
        """
        INSERT INTO sessions (id, user_id, token_hash, expires_at)
        VALUES (%s, %s, %s, now() + make_interval(days => %s))
        """,
        (token.session_id, user_id, token.hash(), LIFETIME_DAYS),
    )
    return token


def rotate(connection: Connection, token: RefreshToken, successor: RefreshToken) -> Rotated | None:
    """Let *successor* take the place of *token*; None if it is not good, and if it ever was, the session ends.

    If *successor* has taken its place already, which is another attempt at the same request, that is well.
    Refreshes of one session wait for each other. The caller must commit in either case.
    """
    row = connection.execute(
        """
        SELECT token_hash, user_id, scopes FROM sessions JOIN users ON users.id = user_id
        WHERE sessions.id = %s AND revoked_at IS NULL AND expires_at > now() FOR UPDATE OF sessions
        """,
        (token.session_id,),
    ).fetchone()
    if row is None:
        return None
    current, user_id, scopes = row
    if hmac.compare_digest(current, token.hash()):
        connection.execute("UPDATE sessions SET token_hash = %s WHERE id = %s", (successor.hash(), token.session_id))
    elif not hmac.compare_digest(current, successor.hash()):
        end(connection, token)
        return None
    return Rotated(successor, user_id, scopes)


def end(connection: Connection, token: RefreshToken) -> None:
    """Whichever of the session's tokens it is: none of them is good any more."""
    connection.execute(
        "UPDATE sessions SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (token.session_id,)
    )
