"""Writing an object of S3 part by part, over several invocations: it is there once it is whole, and not before.

S3 takes parts of at least 5 MiB. What is left over is kept as an object of its own, the *remainder*, until there is
more. An invocation that is repeated writes the same part again, and a remainder under another name.
"""

import contextlib
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from kernel import ids
from kernel.errors import UnavailableError

LEAST_PART = 5 * 1024 * 1024
# With three attempts at each request.
TIMEOUTS = {"connect_timeout": 3, "read_timeout": 10}
# The upload's mark on the object, by which a repeated end knows its own.
MARK = "upload"


class Upload(Struct, frozen=True):
    """An object that is being written, of types that a cursor can hold.

    *mark*: names this upload.
    *parts*: the etags of the parts that S3 has.
    *remainder*: the key of what is not a part yet; None if there is nothing.
    """

    key: str
    id: str
    mark: str
    parts: list[str] = []
    remainder: str | None = None


class Uploads:
    """A bucket to write to. Raises UnavailableError if S3 refuses or does not answer."""

    def __init__(self, bucket: str) -> None:
        import boto3  # noqa: PLC0415 - the runtime's, and 300 ms
        from botocore.config import Config  # noqa: PLC0415 - as above

        retries = {"total_max_attempts": 3, "mode": "standard"}
        self._bucket = bucket
        self._client = boto3.client("s3", config=Config(retries=retries, **TIMEOUTS))

    def close(self) -> None:
        self._client.close()

    def begin(self, key: str) -> Upload:
        """Begin to write the object *key*."""
        mark = str(ids.new())
        with _errors_named():
            answer = self._client.create_multipart_upload(Bucket=self._bucket, Key=key, Metadata={MARK: mark})
        return Upload(key, answer["UploadId"], mark)

    def add(self, upload: Upload, content: bytes) -> Upload:
        """Append *content*. Returns the upload after that."""
        with _errors_named():
            content = self._remainder(upload) + content
            if len(content) >= LEAST_PART:
                return self._put_part(upload, content)
            key = f"{upload.key}.{ids.new()}.part"
            self._client.put_object(Bucket=self._bucket, Key=key, Body=content)
        return replace(upload, remainder=key)

    def finish(self, upload: Upload) -> None:
        """Make the object of all parts. Safe to repeat."""
        with _errors_named():
            if self._is_finished(upload):
                return
            last = upload
            if upload.remainder is not None:
                last = self._put_part(upload, self._remainder(upload))
            parts = [{"PartNumber": number, "ETag": etag} for number, etag in enumerate(last.parts, 1)]
            self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=upload.key, UploadId=upload.id, MultipartUpload={"Parts": parts}
            )

    def abort(self, upload: Upload) -> None:
        """Forget the parts. Safe to repeat."""
        with _errors_named(), contextlib.suppress(self._client.exceptions.NoSuchUpload):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=upload.key, UploadId=upload.id)

    def _put_part(self, upload: Upload, content: bytes) -> Upload:
        number = len(upload.parts) + 1
        answer = self._client.upload_part(
            Bucket=self._bucket, Key=upload.key, UploadId=upload.id, PartNumber=number, Body=content
        )
        return replace(upload, parts=[*upload.parts, answer["ETag"]], remainder=None)

    def _remainder(self, upload: Upload) -> bytes:
        if upload.remainder is None:
            return b""
        with contextlib.closing(self._client.get_object(Bucket=self._bucket, Key=upload.remainder)["Body"]) as body:
            content: bytes = body.read()
            return content

    def _is_finished(self, upload: Upload) -> bool:
        try:
            found = self._client.head_object(Bucket=self._bucket, Key=upload.key)
        except self._client.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] in (403, 404):
                # S3 answers 403 to those who may not list: the object is absent, or the next request is refused too.
                return False
            raise
        return bool(found["Metadata"].get(MARK) == upload.mark)


@contextlib.contextmanager
def _errors_named() -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - the runtime's

    try:
        yield
    except (BotoCoreError, ClientError) as error:
        message = f"S3: {error}"
        raise UnavailableError(message) from error
