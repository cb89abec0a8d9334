"""`Idempotency-Key`: a repeated request gets the first response again, and its work is not repeated.

The response is stored in the domain's own database, in the transaction of the work: both are committed or neither is.
The inbox (`kernel.messaging.inbox`) works in the same way.
"""

import contextlib
import hashlib
import hmac
import re
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from kernel.errors import InvalidError, UnprocessableError
from kernel.storage import cache
from kernel.storage.database import Connection, transaction
from kernel.web.responses import Response

KEY = re.compile(r"[\x21-\x7e]{1,255}")
# On public routes all clients share one key space, so a key must not be guessed or chosen twice.
SHORTEST_ANONYMOUS_KEY = 16


class Claim(NamedTuple):
    """*route*: the function. *principal*: the user's id, or "" on a public route. *fingerprint*: of the request.

    The key itself is not stored, and it keys the fingerprint: a leaked table reveals no password in a request.
    """

    route: str
    principal: str
    key_hash: bytes
    fingerprint: bytes


def claim(route: str, principal: str, key: str, request: object) -> Claim:
    """Return the claim of *request* (path, query and body, of JSON's types). Raises InvalidError for a bad key."""
    least = 1 if principal else SHORTEST_ANONYMOUS_KEY
    if not KEY.fullmatch(key) or len(key) < least:
        message = f"Idempotency-Key must be {least} to 255 visible ASCII characters: use a random UUID."
        raise InvalidError(message)
    content = msgspec.json.encode(request, order="sorted")
    fingerprint = hmac.digest(key.encode(), content, "sha256")
    return Claim(route, principal, hashlib.sha256(key.encode()).digest(), fingerprint)


class Attempt(NamedTuple):
    """One of the requests with the same key. *recorded*: the response of the first one; None if this is the first."""

    connection: Connection
    claimed: Claim
    recorded: Response | None

    def record(self, response: Response) -> Response:
        """Store *response* for later attempts, and return it."""
        _record(self.connection, self.claimed, response)
        return response


@contextlib.contextmanager
def attempt(domain: str, claimed: Claim) -> Iterator[Attempt]:
    """Open the transaction of *domain* in which the request is answered and the response recorded.

    Waits for another request with the same key that is still running. If the block raises, the claim is rolled back.
    Raises UnprocessableError if the key was used for a different request.
    """
    with cache.postponed(), transaction(domain) as connection:
        is_first = _insert(connection, claimed)
        yield Attempt(connection, claimed, None if is_first else _recorded(connection, claimed))


def _insert(connection: Connection, claimed: Claim) -> bool:
    """Insert the claim. Returns False if the key was used. Waits for another transaction that has just inserted it."""
    inserted = connection.execute(
        """
        INSERT INTO idempotency_keys (route, principal, key_hash, fingerprint) VALUES (%s, %s, %s, %s)
        ON CONFLICT DO NOTHING
        """,
        claimed,
    )
    return inserted.rowcount == 1


def _recorded(connection: Connection, claimed: Claim) -> Response:
    row = connection.execute(
        """
        SELECT fingerprint, status, headers, body FROM idempotency_keys
        WHERE route = %s AND principal = %s AND key_hash = %s
        """,
        claimed[:3],
    ).fetchone()
    if row is None or row[0] != claimed.fingerprint:
        raise UnprocessableError("This Idempotency-Key was used for another request. Use a new key for this one.")
    _, status, headers, body = row
    return {"statusCode": status, "headers": headers | {"Idempotency-Replayed": "true"}, "body": body}


def _record(connection: Connection, claimed: Claim, response: Response) -> None:
    connection.execute(
        """
        UPDATE idempotency_keys SET status = %s, headers = %s, body = %s
        WHERE route = %s AND principal = %s AND key_hash = %s
        """,
        (
            response["statusCode"],
            msgspec.json.encode(response["headers"]).decode(),
            response["body"],
            *claimed[:3],
        ),
    )
