"""Secrets, kept for a few minutes.

AWS: "GetSecretValue" (Secrets Manager API Reference).
"""

import time
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec

from kernel.aws import http as aws_http
from kernel.errors import UnavailableError

CACHE_SECONDS = 300
TIMEOUT_SECONDS = 3
HEADERS = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"}


class Credentials(msgspec.Struct, frozen=True):
    """Name a database role and its password, as its secret in Secrets Manager does."""

    username: str
    password: str


class _Cached(NamedTuple):
    content: Any
    read_at: float


class _Answer(msgspec.Struct):
    secret: str = msgspec.field(name="SecretString")


_cache: dict[str, _Cached] = {}


def get(secret_id: str, *, fresh: bool = False) -> Credentials:
    """Return the credentials under *secret_id*, read by `read`."""
    return read(secret_id, Credentials, fresh=fresh)


def read[T](secret_id: str, expected: type[T], *, fresh: bool = False) -> T:
    """Return the JSON under *secret_id*, at most 5 minutes old.

    *fresh*: read it again, whatever its age.

    Raises UnavailableError, which names the secret, when it cannot be read.
    """
    cached = _cache.get(secret_id)
    if cached and not fresh and time.time() - cached.read_at < CACHE_SECONDS and isinstance(cached.content, expected):
        return cached.content
    try:
        content = msgspec.json.decode(_fetch(secret_id), type=expected)
    except (OSError, msgspec.DecodeError) as error:
        message = f"The secret {secret_id} cannot be read: {error}"
        raise UnavailableError(message) from error
    _cache[secret_id] = _Cached(content, time.time())
    return content


def reset() -> None:
    """Forget all secrets. The next read asks Secrets Manager."""
    _cache.clear()


def _fetch(secret_id: str) -> str:
    body = msgspec.json.encode({"SecretId": secret_id})
    status, answer = aws_http.post("secretsmanager", body, HEADERS, timeout=TIMEOUT_SECONDS)
    if status != HTTPStatus.OK:
        message = f"{status} {answer.decode(errors='replace')}"
        raise OSError(message)
    return msgspec.json.decode(answer, type=_Answer).secret
