"""Passwords are stored as argon2id hashes, with the parameters that OWASP recommends.

Keyboards encode the same characters as different code points. So a password is normalized (NFKC, NIST SP 800-63B)
before it is hashed. Older hashes are of the text as it was typed.
"""

import functools
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argon2 import PasswordHasher

SHORTEST, LONGEST = 8, 128
# A hash with our parameters and without a user: verifying against it takes as long as against a real one.
DUMMY_HASH = "$argon2id$v=19$m=19456,t=2,p=1$PxP4nR5ofIBUnRZukWhgCw$9EZbm/mh4XyKhpYXWxcMeNNRHrMZmgnZqwYch7BjzUQ"


def normalize(password: str) -> str:
    """Return the one spelling of *password* that is hashed."""
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """Return the hash of *password* to store."""
    return _hasher().hash(normalize(password))


def verify(stored: str | None, password: str) -> bool:
    """Return whether *password* matches the hash *stored*. For None (no such user) it takes as long and returns False."""
    spellings = dict.fromkeys((normalize(password), password))
    return any(_matches(stored or DUMMY_HASH, each) for each in spellings) and stored is not None


def is_outdated(stored: str, password: str) -> bool:
    """Return whether *password*, which matches the hash *stored*, would be hashed differently today."""
    normalized = normalize(password)
    return _hasher().check_needs_rehash(stored) or (normalized != password and not _matches(stored, normalized))


def _matches(stored: str, spelling: str) -> bool:
    from argon2.exceptions import VerifyMismatchError  # noqa: PLC0415 - 20 ms that only these functions need

    try:
        return _hasher().verify(stored, spelling)
    except VerifyMismatchError:
        return False


@functools.cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # noqa: PLC0415

    return PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1)
