"""Passwords are stored as argon2id hashes, with the parameters that OWASP recommends."""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

# Of nobody's password, with our parameters: verifying against it takes as long as against a user's.
DUMMY_HASH = "$argon2id$v=19$m=19456,t=2,p=1$PxP4nR5ofIBUnRZukWhgCw$9EZbm/mh4XyKhpYXWxcMeNNRHrMZmgnZqwYch7BjzUQ"


def hash_password(password: str) -> str:
    return _hasher().hash(password)


def verify(stored: str | None, password: str) -> bool:
    """Whether *password* belongs to the *stored* hash; takes as long if there is no such user (None)."""
    from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415 - 20 ms that only these functions need

    try:
        return _hasher().verify(stored or DUMMY_HASH, password) and stored is not None
    except VerifyMismatchError:
        return False


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher().check_needs_rehash(stored)


@functools.cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
