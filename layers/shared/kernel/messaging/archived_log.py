"""Reading a topic's archive in S3, for functions of domains: what the topic itself no longer has.

`operations.archive_events` writes it. A file has the records of a fixed range of offsets, and says beside it which of
them it covers (docs/decisions/0068).
"""

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Self

from kernel import settings
from kernel.errors import ConflictError, InvalidError, UnavailableError
from kernel.messaging import envelope
from kernel.messaging.log_record import LogRecord

FILE_OFFSETS = 10_000
TIMEOUTS = {"connect_timeout": 3, "read_timeout": 20}


class ArchivedLog:
    """The archive's bucket, of the function's setting ARCHIVE_BUCKET. Raises UnavailableError if S3 does not answer."""

    def __init__(self) -> None:
        import boto3  # noqa: PLC0415 - the runtime's, and 300 ms that most rebuilds need not wait for
        from botocore.config import Config  # noqa: PLC0415 - as above

        retries = {"total_max_attempts": 3, "mode": "standard"}
        self._bucket = settings.text("ARCHIVE_BUCKET")
        self._client = boto3.client("s3", config=Config(retries=retries, **TIMEOUTS))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        """Yield the records from offset *start* to before *end*, in order. Offsets without a record are left out.

        Raises ConflictError for an offset that was never archived.
        """
        offset = start
        while offset < end:
            found = self._open(key_of(topic, partition, offset))
            covered = range(0) if found is None else _covered(found["Metadata"])
            if found is None or offset not in covered:
                message = f"{topic}, partition {partition}: offset {offset} is neither on the topic nor in its archive."
                raise ConflictError(message)
            for record in _records(found["Body"], found["Key"]):
                if offset <= record.offset < end:
                    yield record
            offset = covered.stop

    def _open(self, key: str) -> dict[str, Any] | None:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the runtime's

        try:
            return {**self._client.get_object(Bucket=self._bucket, Key=key), "Key": key}
        except ClientError as error:
            # S3 answers 403 for an absent object to those who may not list the bucket.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
                return None
            message = f"S3: {error}"
            raise UnavailableError(message) from error
        except BotoCoreError as error:
            message = f"S3: {error}"
            raise UnavailableError(message) from error


def key_of(topic: str, partition: int, offset: int) -> str:
    """Return the key of the object in whose range *offset* is."""
    first = offset - offset % FILE_OFFSETS
    return f"topics/{topic}/partition={partition}/{topic}+{partition}+{first:010}.jsonl.gz"


def _covered(metadata: dict[str, str]) -> range:
    return range(int(metadata["first-offset"]), int(metadata["next-offset"]))


def _records(body: Any, key: str) -> Iterator[LogRecord]:  # noqa: ANN401 - botocore's stream
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - the runtime's

    try:
        with contextlib.closing(body), gzip.GzipFile(fileobj=body) as lines:
            yield from map(envelope.decode, lines)
    except BotoCoreError as error:
        message = f"S3: {error}"
        raise UnavailableError(message) from error
    except (InvalidError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        message = f"{key} is damaged: {error}"
        raise ConflictError(message) from error
