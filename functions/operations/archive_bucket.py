"""The archive's S3 bucket: files and positions, written only over what was read.

Two runs at once cannot damage anything: S3 refuses a write whose object has changed since it was read, or was created.
"""

import contextlib
import gzip
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from typing import IO, Any, NamedTuple, Self

import msgspec

from kernel import settings
from kernel.errors import ConflictError, NotFoundError, UnavailableError
from operations.archive_files import FILES, File, Positions, folder, positions_key

# With three attempts at each request. A file of 10,000 records has less than a megabyte, as a rule.
TIMEOUTS = {"connect_timeout": 3, "read_timeout": 20}
# Files of lines that operators replay: `<name>.jsonl.gz`.
UPLOADS = "replays/"
CHANGED = (HTTPStatus.PRECONDITION_FAILED, HTTPStatus.CONFLICT)


class ChangedError(Exception):
    """Another run has written the object since it was read. Read it again."""


class Description(NamedTuple):
    """What S3 keeps beside a file.

    *first_offset*, *next_offset*: the offsets from the first to before the second are archived here.
    *oldest*, *newest*: the least and the greatest timestamp of its records; None if it has none.
    """

    etag: str
    first_offset: int
    next_offset: int
    records: int
    oldest: int | None
    newest: int | None


class Bucket:
    """The bucket of the function's setting ARCHIVE_BUCKET. Raises UnavailableError if S3 refuses or does not answer."""

    def __init__(self, client: Any, name: str) -> None:  # noqa: ANN401 - boto3's
        self._client = client
        self._name = name

    @classmethod
    def from_environment(cls) -> Self:
        import boto3  # noqa: PLC0415 - the runtime's
        from botocore.config import Config  # noqa: PLC0415

        retries = {"total_max_attempts": 3, "mode": "standard"}
        return cls(boto3.client("s3", config=Config(retries=retries, **TIMEOUTS)), settings.text("ARCHIVE_BUCKET"))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def describe(self, file: File) -> Description | None:
        """Return what is kept beside *file*, or None if there is no such file."""
        answer = self._absent_is_none(self._client.head_object, Key=file.key)
        return answer and _description(answer)

    def open(self, file: File) -> tuple[Description, IO[bytes]] | None:
        """Return what is kept beside *file* and its bytes to read, or None if there is no such file."""
        answer = self._absent_is_none(self._client.get_object, Key=file.key)
        return answer and (_description(answer), answer["Body"])

    def write(self, file: File, content: IO[bytes], description: Description) -> None:
        """Write *file* over the object that has the etag of *description*, or where none is if that is empty.

        Raises ChangedError if there is another.
        """
        numbers = {name: value for name, value in description._asdict().items() if name != "etag"}
        metadata = {name.replace("_", "-"): str(value) for name, value in numbers.items() if value is not None}
        self._put(file.key, content, description.etag, ContentType="application/gzip", Metadata=metadata)

    def read_upload(self, name: str) -> Iterator[bytes]:
        """Yield the lines of an uploaded file. Raises NotFoundError if there is none of this name."""
        answer = self._absent_is_none(self._client.get_object, Key=f"{UPLOADS}{name}.jsonl.gz")
        if answer is None:
            message = f"There is no uploaded file {name}. It may have expired: upload it again."
            raise NotFoundError(message)
        with errors_named(), contextlib.closing(answer["Body"]) as body, gzip.GzipFile(fileobj=body) as lines:
            try:
                yield from lines
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                message = f"The uploaded file {name} is damaged: {error}. Upload it again."
                raise ConflictError(message) from error

    def files(self, topic: str, partition: int | None = None) -> list[File]:
        """Return the files of a topic or of one of its partitions, by partition and offset."""
        found = (File.named(key) for key in self._keys(folder(topic, partition)))
        return sorted(file for file in found if file)

    def topics(self) -> list[str]:
        """Return the topics of which there are files."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=FILES, Delimiter="/")
        with errors_named():
            prefixes = [each["Prefix"] for page in pages for each in page.get("CommonPrefixes", [])]
        return sorted(prefix.removeprefix(FILES).rstrip("/") for prefix in prefixes)

    def positions(self, topic: str) -> tuple[Positions, str] | None:
        """Return the topic's positions and the etag of their object, or None if there are none."""
        answer = self._absent_is_none(self._client.get_object, Key=positions_key(topic))
        return answer and (_decode(answer, Positions), answer["ETag"])

    def write_positions(self, topic: str, positions: Positions, etag: str) -> str:
        """Write the topic's positions over those with *etag*, "" for none. Returns the new etag. Raises ChangedError."""
        return self._put(positions_key(topic), msgspec.json.encode(positions), etag, ContentType="application/json")

    def _put(self, key: str, body: bytes | IO[bytes], etag: str, **options: object) -> str:
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        with errors_named():
            answer = self._client.put_object(Bucket=self._name, Key=key, Body=body, **condition, **options)
        return str(answer["ETag"])

    def _keys(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._name, Prefix=prefix)
        with errors_named():
            return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def _absent_is_none(self, request: Any, **options: str) -> Any:  # noqa: ANN401 - boto3's
        with errors_named():
            try:
                return request(Bucket=self._name, **options)
            except self._client.exceptions.ClientError as error:
                if _status(error) == HTTPStatus.NOT_FOUND:
                    return None
                raise


def _description(answer: Any) -> Description:  # noqa: ANN401 - boto3's
    numbers = {name.replace("-", "_"): int(value) for name, value in answer["Metadata"].items()}
    return Description(**{"etag": answer["ETag"], "oldest": None, "newest": None, **numbers})


def _decode[Kind](answer: Any, kind: type[Kind]) -> Kind:  # noqa: ANN401 - boto3's
    with errors_named():
        return msgspec.json.decode(answer["Body"].read(), type=kind)


def _status(error: Any) -> int:  # noqa: ANN401 - botocore's ClientError, which a function imports late
    status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
    return status


@contextlib.contextmanager
def errors_named() -> Iterator[None]:
    """Raise what S3's client raises as UnavailableError or ChangedError, also while a file is read."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the runtime's

    try:
        yield
    except ClientError as error:
        if _status(error) in CHANGED:
            raise ChangedError from error
        message = f"S3: {error}"
        raise UnavailableError(message) from error
    except BotoCoreError as error:
        message = f"S3: {error}"
        raise UnavailableError(message) from error
