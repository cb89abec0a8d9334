"""Access tokens for the tests, signed as the users domain signs them."""

import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kernel.web import keys

SIGNING_KEYS = keys.new_signing_keys()
PUBLIC_KEYS = json.dumps(keys.public(SIGNING_KEYS))


def sign(user_id: UUID, scope: str = "user", **claims: object) -> dict[str, str]:
    """The header of a request of *user_id*, good for a minute; *claims* replace the usual ones."""
    now = int(time.time())
    usual = {"iss": "https://millrace.local", "aud": "millrace", "sub": str(user_id), "iat": now, "exp": now + 60}
    return bearer({**usual, "scope": scope, **claims})


def bearer(claims: dict[str, Any], key: dict[str, Any] = SIGNING_KEYS["keys"][0], **header: object) -> dict[str, str]:
    """The header of a request with a token of exactly these *claims*; *header* replaces the token's usual fields.

    A field that is None is left out.
    """
    fields = {"typ": "at+jwt", "kid": key["kid"], **header}
    fields = {name: value for name, value in fields.items() if value is not None or name == "typ"}
    token = jwt.encode(claims, jwt.PyJWK(key), algorithm="ES256", headers=fields)
    return {"Authorization": f"Bearer {token}"}


def forged(header: dict[str, Any], claims: dict[str, Any], signature: Callable[[bytes], bytes]) -> dict[str, str]:
    """The header of a request with a token whose every part is the attacker's; *signature*: of its first two parts."""
    parts = [_encoded(json.dumps(part).encode()) for part in (header, claims)]
    text = b".".join(parts)
    return {"Authorization": f"Bearer {(text + b'.' + _encoded(signature(text))).decode()}"}


def hs256_with_the_public_key(
    claims: dict[str, Any],
    key: dict[str, Any] = SIGNING_KEYS["keys"][0],
    *,
    encoding: Encoding = Encoding.PEM,
    form: PublicFormat = PublicFormat.SubjectPublicKeyInfo,
) -> dict[str, str]:
    """A token signed with what everybody knows, for a verifier that lets the token choose the algorithm."""
    private = jwt.PyJWK(key).key
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    secret = private.public_key().public_bytes(encoding, form)
    header = {"alg": "HS256", "typ": "at+jwt", "kid": key["kid"]}
    return forged(header, claims, lambda text: hmac.digest(secret, text, "sha256"))


def _encoded(part: bytes) -> bytes:
    return urlsafe_b64encode(part).rstrip(b"=")
