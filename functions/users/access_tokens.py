"""Signs access tokens with the first of the private keys (`kernel.web.keys`). Only this module signs them."""

import functools
import os
import time
from typing import TYPE_CHECKING
from uuid import UUID

import msgspec

from kernel import ids, settings
from kernel.aws import secrets
from kernel.web.tokens import ALGORITHM, LIFETIME_SECONDS, TYPE, PublicKey
from users.schemas import Tokens
from users.token_families import RefreshToken

if TYPE_CHECKING:
    from jwt import PyJWK


class SigningKey(PublicKey, frozen=True, kw_only=True):
    """A JSON Web Key with its private part *d*."""

    d: str


class SigningKeySet(msgspec.Struct, frozen=True):
    keys: list[SigningKey]


def issue(user_id: UUID, scopes: list[str], refresh_token: RefreshToken) -> Tokens:
    """Return the tokens that a client gets when it logs in or refreshes."""
    token = sign(user_id, scopes)
    return Tokens(token=token, access_token=token, refresh_token=refresh_token.text(), expires_in=LIFETIME_SECONDS)


def sign(user_id: UUID, scopes: list[str]) -> str:
    """Return an access token (RFC 9068) with the user's id and scopes. It is valid for 15 minutes."""
    import jwt  # noqa: PLC0415 - 35 ms that only a function's first request pays

    key, expected, now = _signing_key(), settings.Tokens.from_environment(), int(time.time())
    claims = {
        "iss": expected.issuer,
        "aud": expected.audience,
        "sub": str(user_id),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
        "jti": str(ids.new()),
        "scope": " ".join(scopes),
    }
    return jwt.encode(claims, _usable(key), algorithm=ALGORITHM, headers={"typ": TYPE, "kid": key.kid})


def _signing_key() -> SigningKey:
    text = os.environ.get("SIGNING_KEYS")
    if text:
        return msgspec.json.decode(text, type=SigningKeySet).keys[0]
    return secrets.read(settings.Tokens.from_environment().signing_keys_secret, SigningKeySet).keys[0]


@functools.lru_cache(maxsize=2)
def _usable(key: SigningKey) -> "PyJWK":
    from jwt import PyJWK  # noqa: PLC0415

    return PyJWK(msgspec.to_builtins(key), algorithm=ALGORITHM)
