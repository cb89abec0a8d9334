"""Refresh tokens, and what the use of one means for its session. A session's tokens are a family."""

import hashlib
import hmac
import secrets
from base64 import b64decode, urlsafe_b64encode
from datetime import timedelta
from enum import Enum, auto
from typing import NamedTuple, Self
from uuid import UUID

from kernel.errors import InvalidError, UnauthorizedError

SECRET_BYTES = 32
TAG_BYTES = 12
# How long two tabs of one browser may take to notice each other's refresh.
GRACE = timedelta(seconds=10)
SHORTEST_IDEMPOTENCY_KEY = 16
LOG_IN_AGAIN = "The refresh token is invalid or expired. Log in again."
RACED = "The refresh token was replaced a moment ago. Use the tokens of that response."


class RefreshToken(NamedTuple):
    """A session's id and a secret for one refresh. Only the secret's hash is stored.

    *tag*: proves that the session issued the secret, however long ago.
    """

    session_id: UUID
    secret: bytes
    tag: bytes = b""

    @classmethod
    def new(cls, session_id: UUID, family_key: bytes | None) -> Self:
        """Return a token with a random secret."""
        return cls(session_id, secrets.token_bytes(SECRET_BYTES)).sign(family_key)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the token that a client sent. Raises UnauthorizedError if it is malformed."""
        try:
            content = b64decode(text.encode("ascii"), altchars=b"-_", validate=True)
            token = cls(UUID(bytes=content[:16]), content[16 : 16 + SECRET_BYTES], content[16 + SECRET_BYTES :])
        except ValueError:
            raise UnauthorizedError(LOG_IN_AGAIN) from None
        if token.text() != text:
            raise UnauthorizedError(LOG_IN_AGAIN)
        return token

    def text(self) -> str:
        """Return the token as the client stores it."""
        return urlsafe_b64encode(self.session_id.bytes + self.secret + self.tag).decode()

    def hash(self) -> bytes:
        """Return the hash that the database stores."""
        return hashlib.sha256(self.secret).digest()

    def was_issued(self, family_key: bytes | None) -> bool:
        """Return whether the session with *family_key* issued this token. Without a key, every token passes."""
        return family_key is None or hmac.compare_digest(self.tag, self.sign(family_key).tag)

    def successor(self, idempotency_key: str | None, family_key: bytes | None) -> Self:
        """Return the token that replaces this one.

        The same token and Idempotency-Key always give the same successor. So a client whose response was lost can
        retry, and a thief who does not know the key cannot.
        """
        if idempotency_key is None:
            return self.new(self.session_id, family_key)
        secret = hmac.digest(self.secret, idempotency_key.encode(), "sha256")
        return self._replace(secret=secret).sign(family_key)

    def sign(self, family_key: bytes | None) -> Self:
        """Return this token with the tag of its secret."""
        tag = b"" if family_key is None else hmac.digest(family_key, self.secret, "sha256")[:TAG_BYTES]
        return self._replace(tag=tag)


class Use(Enum):
    """The kinds of use of a refresh token.

    ROTATION: the first use of the current token.
    REPETITION: the same request again, by its Idempotency-Key.
    RACE: another use of the predecessor, a moment after it was replaced.
    THEFT: a later use of the predecessor, or the use of an older token.
    GUESS: a token that the session never had.
    """

    ROTATION = auto()
    REPETITION = auto()
    RACE = auto()
    THEFT = auto()
    GUESS = auto()


class Family(NamedTuple):
    """A session's tokens: the hashes of the *current* one and its *predecessor*.

    *rotated_ago*: how long ago the predecessor was replaced.
    """

    current: bytes
    predecessor: bytes | None
    rotated_ago: timedelta | None
    key: bytes | None

    def holds(self, token: RefreshToken) -> bool:
        """Return whether *token* is the current one or its predecessor."""
        is_current = hmac.compare_digest(self.current, token.hash())
        return is_current or hmac.compare_digest(self.predecessor or b"", token.hash())

    def judge(self, token: RefreshToken, successor: RefreshToken) -> Use:
        """Return what kind of use it is to replace *token* by *successor*."""
        if hmac.compare_digest(self.current, token.hash()):
            return Use.ROTATION
        if hmac.compare_digest(self.current, successor.hash()):
            return Use.REPETITION
        if self.holds(token) and self.rotated_ago is not None and self.rotated_ago < GRACE:
            return Use.RACE
        return Use.THEFT if token.was_issued(self.key) else Use.GUESS


def check_idempotency_key(key: str | None) -> None:
    """Raise InvalidError for a key that could be guessed."""
    if key is not None and len(key) < SHORTEST_IDEMPOTENCY_KEY:
        message = f"Idempotency-Key must have at least {SHORTEST_IDEMPOTENCY_KEY} characters here: use a random UUID."
        raise InvalidError(message)
