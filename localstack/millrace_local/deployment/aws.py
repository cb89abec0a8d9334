"""Clients of the local AWS endpoint."""

from typing import Any

from millrace_local.instance import ACCOUNT, REGION, Instance

ANSWER_SECONDS = 60
LONGEST_INVOCATION_SECONDS = 910


def client(instance: Instance, service: str, read_timeout: float = ANSWER_SECONDS) -> Any:  # noqa: ANN401 - botocore makes its clients at run time
    """Return a boto3 client of LocalStack. It does not retry: LocalStack runs on this machine or not at all."""
    import boto3  # noqa: PLC0415 - 0.2 s that most commands need not pay
    from botocore.config import Config  # noqa: PLC0415

    settings = Config(
        region_name=REGION, retries={"max_attempts": 1}, read_timeout=read_timeout, parameter_validation=False
    )
    keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "local"}
    return boto3.client(service, endpoint_url=instance.localstack_url, config=settings, **keys)


def environment(instance: Instance) -> dict[str, str]:
    """Return the variables with which any AWS tool (aws, sam, boto3) talks to this local cloud."""
    return {
        "AWS_ENDPOINT_URL": instance.localstack_url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCOUNT,
        "AWS_SECRET_ACCESS_KEY": "local",
    }
