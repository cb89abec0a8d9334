"""Objects of S3 that are written over several invocations."""

from collections.abc import Iterator

import pytest
from moto.s3 import models

from kernel.aws import uploads
from kernel.aws.uploads import Uploads
from kernel.errors import UnavailableError
from tests.kit.aws import Aws

BUCKET = "bucket"
LEAST = 1_000


@pytest.fixture
def writer(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    aws.client("s3").create_bucket(Bucket=BUCKET)
    monkeypatch.setattr(uploads, "LEAST_PART", LEAST)
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", LEAST)
    found = Uploads(BUCKET)
    yield found
    found.close()


def content(aws: Aws, key: str) -> bytes | None:
    keys = [each["Key"] for each in aws.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    if key not in keys:
        return None
    read: bytes = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    return read


def test_an_object_is_there_once_it_is_whole(aws: Aws, writer: Uploads) -> None:
    """Small and large pieces, each written twice, as by an invocation whose answer was lost."""
    pieces = [b"a" * 10, b"b" * 995, b"c" * 3_000, b"d" * 400, b"e" * 599, b"f", b"g" * 999, b"h"]
    upload = writer.begin("whole")
    for piece in pieces:
        writer.add(upload, piece)
        upload = writer.add(upload, piece)
        assert content(aws, "whole") is None
    for _ in range(2):
        writer.finish(upload)

    assert content(aws, "whole") == b"".join(pieces)


def test_an_end_that_was_under_way_is_repeated(aws: Aws, writer: Uploads) -> None:
    """Its answer was lost, or it never arrived: the object is that of this upload either way."""
    first, second = writer.begin("same"), writer.begin("same")
    first, second = writer.add(first, b"first"), writer.add(second, b"second")
    writer.finish(first)
    writer.finish(second)
    assert content(aws, "same") == b"second"

    with pytest.raises(UnavailableError, match="S3"):
        writer.finish(first)


def test_an_upload_that_is_given_up_leaves_no_object(aws: Aws, writer: Uploads) -> None:
    """Also if that is repeated."""
    upload = writer.add(writer.begin("gone"), b"x" * 2_000)
    for _ in range(2):
        writer.abort(upload)

    assert content(aws, "gone") is None
    assert aws.client("s3").list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
