"""Schedule rate(30 days): let the next key sign access tokens, and make another next one; the first time, both.

No token that is valid is refused: the key was published a rotation ago, and the last one stays published. The public
keys are written first; should only they be written, the next attempt mends it.

Invoked with {"compromised": true} it replaces all keys at once: access tokens end when the verifiers' five minutes of
cache are over, and clients refresh them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec

from kernel import settings
from kernel.aws.lambda_context import LambdaContext
from kernel.telemetry import logger
from kernel.web import keys

# A token lives 15 minutes, and a secret's content 5 in a cache.
SHORTEST_INTERVAL = timedelta(minutes=30)


def handler(event: dict[str, object], _context: LambdaContext) -> dict[str, bool]:
    """Usually nothing is done within half an hour of the last rotation, whose tokens are still in use."""
    secrets, compromised = settings.Tokens.from_environment(), event.get("compromised") is True
    signing, written_at = _read(secrets.signing_keys_secret)
    if written_at and datetime.now(UTC) - written_at < SHORTEST_INTERVAL and not compromised:
        return {"rotated": False}
    trusted = [] if compromised or signing is None else [signing]
    rotated = keys.rotated(trusted[0]) if trusted else keys.new_signing_keys()
    _write(secrets.public_keys_secret, keys.public(rotated, *trusted))
    _write(secrets.signing_keys_secret, rotated)
    logger.info("signing keys rotated", extra={"kid": rotated["keys"][0]["kid"], "compromised": compromised})
    return {"rotated": True}


def _read(secret_id: str) -> tuple[keys.KeySet | None, datetime | None]:
    """The keys and when they were written; nothing if the secret is empty yet."""
    client = _client()
    try:
        found = client.get_secret_value(SecretId=secret_id)
    except client.exceptions.ResourceNotFoundException:
        return None, None
    return msgspec.json.decode(found["SecretString"], type=keys.KeySet.__value__), cast(
        "datetime", found["CreatedDate"]
    )


def _write(secret_id: str, content: keys.KeySet) -> None:
    _client().put_secret_value(SecretId=secret_id, SecretString=msgspec.json.encode(content).decode())


def _client() -> Any:  # noqa: ANN401 - a boto3 client
    import boto3  # noqa: PLC0415 - the runtime's

    return boto3.client("secretsmanager")
