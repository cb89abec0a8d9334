"""Schedule rate(30 days): rotate the keys that sign access tokens. The first rotation creates them.

The next key, which was published a rotation ago, begins to sign. A new next key is published, and the last one stays
published, so no valid token is refused. The public keys are written first: if the function dies in between, the next
rotation completes it.

With `compromised` all keys are replaced at once. Tokens end within the five minutes for which verifiers cache the keys,
and clients refresh them.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec

from kernel import settings
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.telemetry import logger
from kernel.web import keys
from users.commands import RotateKeys

# A token lives 15 minutes, and a secret's content 5 in a cache.
SHORTEST_INTERVAL = timedelta(minutes=30)


@operation(RotateKeys)
def handler(command: RotateKeys, _run: Run[None]) -> Iterator[Progress[None]]:
    """Do nothing within half an hour of the last rotation, whose tokens are still in use, unless *compromised*."""
    rotated = _rotate(compromised=command.compromised)
    yield Progress(int(rotated), 1, result={"rotated": rotated})


def _rotate(*, compromised: bool) -> bool:
    secrets = settings.Tokens.from_environment()
    signing, written_at = _read(secrets.signing_keys_secret)
    if written_at and datetime.now(UTC) - written_at < SHORTEST_INTERVAL and not compromised:
        return False
    trusted = [] if compromised or signing is None else [signing]
    rotated = keys.rotated(trusted[0]) if trusted else keys.new_signing_keys()
    _write(secrets.public_keys_secret, keys.public(rotated, *trusted))
    _write(secrets.signing_keys_secret, rotated)
    logger.info("signing keys rotated", extra={"kid": rotated["keys"][0]["kid"], "compromised": compromised})
    return True


def _read(secret_id: str) -> tuple[keys.KeySet | None, datetime | None]:
    """Return the keys and when they were written. Returns None twice if the secret is still empty."""
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
