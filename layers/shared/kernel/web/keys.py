"""The keys of access tokens, as JSON Web Key Sets (RFC 7517): made, rotated, and their public halves.

The signing set holds two private keys: the first one signs, the second one is next. Both public halves are published,
so a key is known everywhere long before it signs. A rotation lets the next key sign, makes a new next one, and leaves
the public half of the last one published, for the tokens that it signed. Two rotations must lie further apart than a
token lives. This module needs cryptography and the standard library alone: the local cloud runs it too.
"""

import secrets
from base64 import urlsafe_b64encode
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

type KeySet = dict[str, list[dict[str, Any]]]

COORDINATE_BYTES = 32


def new_signing_keys() -> KeySet:
    """`{"keys": [signing key, next key]}` with private parts: what the secret SIGNING_KEYS_SECRET holds, as JSON."""
    return {"keys": [_new_key(), _new_key()]}


def rotated(signing: KeySet) -> KeySet:
    """The set after a rotation."""
    return {"keys": [signing["keys"][1], _new_key()]}


def public(*signing: KeySet) -> KeySet:
    """The public halves of the sets' keys, each once: what PUBLIC_KEYS_SECRET holds, and verifiers read.

    After a rotation: of the new set and the old one.
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
