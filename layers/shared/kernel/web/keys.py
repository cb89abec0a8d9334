"""Creates and rotates the keys of access tokens, as JSON Web Key Sets (RFC 7517).

The signing set holds two private keys: the first one signs, the second one is next. Both public halves are published,
so every verifier knows a key long before it signs. A rotation moves the next key to the first place and adds a new next
one. The public half of the old key stays published, for the tokens that it signed. Two rotations must be further apart
than the lifetime of a token. This module needs only cryptography and the standard library: the local cloud runs it too.
"""

import secrets
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

type KeySet = dict[str, list[dict[str, Any]]]

COORDINATE_BYTES = 32


def new_signing_keys() -> KeySet:
    """Return `{"keys": [signing key, next key]}` with the private parts, for the secret SIGNING_KEYS_SECRET."""
    return {"keys": [_new_key(), _new_key()]}


def rotated(signing: KeySet) -> KeySet:
    """Return the set after a rotation."""
    return {"keys": [signing["keys"][1], _new_key()]}


def public(*signing: KeySet) -> KeySet:
    """Return the public halves of the sets' keys, each once, for the secret PUBLIC_KEYS_SECRET.

    After a rotation, pass the new set and the old one.
    """
    keys = {key["kid"]: key for several in signing for key in several["keys"]}
    return {"keys": [{name: value for name, value in key.items() if name != "d"} for key in keys.values()]}


def _new_key() -> dict[str, str]:
    private = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    numbers = {"x": private.public_numbers.x, "y": private.public_numbers.y, "d": private.private_value}
    kind = {"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": secrets.token_urlsafe(12)}
    return kind | {name: _encoded(number) for name, number in numbers.items()}


def _encoded(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(COORDINATE_BYTES)).decode().rstrip("=")
