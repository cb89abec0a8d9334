"""Sign the address of a function's code with one client. LocalStack makes a client for each answer of GetFunction.

A deployment asks twice for each new function, and to make the client takes longer than the rest of the answer.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from localstack import config
from localstack.constants import AWS_REGION_US_EAST_1, INTERNAL_AWS_SECRET_ACCESS_KEY
from localstack.services.lambda_.invocation.lambda_models import S3Code
from localstack.utils.patch import patch

Untyped = Any  # boto3's client


def install() -> None:
    patch(S3Code.generate_presigned_url)(_sign)


def _sign(_: Callable[..., str], code: S3Code, endpoint_url: str) -> str:
    wanted = {"Bucket": code.s3_bucket, "Key": code.s3_key}
    if code.s3_object_version:
        wanted["VersionId"] = code.s3_object_version
    return str(_client(endpoint_url).generate_presigned_url("get_object", Params=wanted))


@cache
def _client(endpoint_url: str) -> Untyped:
    return boto3.client(
        "s3",
        region_name=AWS_REGION_US_EAST_1,
        aws_access_key_id=config.INTERNAL_RESOURCE_ACCOUNT,
        aws_secret_access_key=INTERNAL_AWS_SECRET_ACCESS_KEY,
        endpoint_url=endpoint_url,
    )
