"""Verifies access tokens (JSON Web Tokens, RFC 9068) against the public keys.

Only the users domain has the private keys. The requirements are fixed here and never taken from the token (RFC 8725):
ES256 with one of our keys, our issuer and audience, an expiry, and the explicit type `at+jwt`.
"""

import functools
import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple
from uuid import UUID

import msgspec

from kernel import settings
from kernel.aws import secrets
from kernel.errors import UnauthorizedError, UnavailableError
from kernel.telemetry import logger
from kernel.web.scopes import Scope

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHM = "ES256"
TYPE = "at+jwt"
LIFETIME_SECONDS = 15 * 60
LEEWAY_SECONDS = 30

RELOAD_SECONDS = 300
UNKNOWN_KEY_SECONDS = 30
STALE_SECONDS = 3600


class Principal(NamedTuple):
    """The user who sends the request. *scopes*: of the token."""

    user_id: UUID
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        """Return whether the token has *scope*. The endpoint's `more_with` must name it."""
        return scope in self.scopes


class PublicKey(msgspec.Struct, frozen=True):
    """A JSON Web Key (RFC 7517) of the only kind that is accepted."""

    kid: str
    x: str
    y: str
    kty: Literal["EC"] = "EC"
    crv: Literal["P-256"] = "P-256"
    alg: Literal["ES256"] = "ES256"
    use: Literal["sig"] = "sig"


class PublicKeySet(msgspec.Struct, frozen=True):
    keys: list[PublicKey]


def principal(headers: Mapping[str, str]) -> Principal | None:
    """Return the user of the token in *headers*, or None without a token.

    Raises UnauthorizedError for an invalid token, UnavailableError if the public keys cannot be read.
    """
    authorization = headers.get("authorization")
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise UnauthorizedError("Send the access token in the header `Authorization: Bearer <token>`.")
    return verify(token.strip())


def verify(token: str) -> Principal:
    """Return the user of *token*. Raises UnauthorizedError for an invalid token; only the log says why."""
    import jwt  # noqa: PLC0415 - 35 ms that only a function's first signed request pays

    try:
        return _verify(token)
    except jwt.PyJWTError as error:
        logger.info("token refused", extra={"reason": type(error).__name__})
        raise UnauthorizedError("The access token is invalid or expired. Sign in again.") from None


def public_keys() -> PublicKeySet:
    """Return the keys that verify tokens: from PUBLIC_KEYS, or else from Secrets Manager."""
    text = os.environ.get("PUBLIC_KEYS")
    if text:
        return msgspec.json.decode(text, type=PublicKeySet)
    return secrets.read(settings.Tokens.from_environment().public_keys_secret, PublicKeySet)


def _verify(token: str) -> Principal:
    import jwt  # noqa: PLC0415

    header = jwt.get_unverified_header(token)
    if str(header.get("typ")).lower().removeprefix("application/") != TYPE:
        raise jwt.InvalidTokenError
    key = _key(str(header.get("kid")))
    if key is None:
        raise jwt.InvalidKeyError
    expected = settings.Tokens.from_environment()
    claims = jwt.decode(
        token,
        key,
        algorithms=[ALGORITHM],
        audience=expected.audience,
        issuer=expected.issuer,
        leeway=LEEWAY_SECONDS,
        options={"require": ["exp", "iat", "sub", "iss", "aud"]},
    )
    try:
        return Principal(UUID(claims["sub"]), frozenset(str(claims.get("scope", "")).split()))
    except ValueError:
        raise jwt.InvalidTokenError from None


def _key(kid: str) -> "PyJWK | None":
    text = os.environ.get("PUBLIC_KEYS")
    return _decoded(text).get(kid) if text else _stored.get(kid)


class _StoredKeys:
    """The keys in Secrets Manager. They are read again when they are old, and when a token names an unknown key.

    If they cannot be read, the known ones are used for up to an hour.
    """

    def __init__(self) -> None:
        self._keys: Mapping[str, PyJWK] = {}
        self._read_at = self._next_read = 0.0

    def get(self, kid: str) -> "PyJWK | None":
        now = time.time()
        if (now - self._read_at > RELOAD_SECONDS or kid not in self._keys) and now >= self._next_read:
            self._read(now)
        if now - self._read_at > STALE_SECONDS:
            raise UnavailableError("Tokens cannot be verified at the moment.")
        return self._keys.get(kid)

    def _read(self, now: float) -> None:
        try:
            secret = settings.Tokens.from_environment().public_keys_secret
            found = secrets.read(secret, PublicKeySet, fresh=True)
        except UnavailableError:
            logger.exception("the public keys cannot be read")
            self._next_read = now + 2
        else:
            self._keys = _usable(found)
            self._read_at, self._next_read = now, now + UNKNOWN_KEY_SECONDS


_stored = _StoredKeys()


@functools.lru_cache(maxsize=1)
def _decoded(text: str) -> "Mapping[str, PyJWK]":
    return _usable(msgspec.json.decode(text, type=PublicKeySet))


def _usable(found: PublicKeySet) -> "dict[str, PyJWK]":
    from jwt import PyJWK  # noqa: PLC0415

    return {key.kid: PyJWK(msgspec.to_builtins(key), algorithm=ALGORITHM) for key in found.keys}
