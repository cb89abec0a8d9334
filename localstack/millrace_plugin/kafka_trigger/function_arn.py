"""Parse the ARN of a function."""

from typing import NamedTuple


class FunctionArn(NamedTuple):
    region: str
    account: str
    name: str
    qualifier: str | None
    """A version or an alias. None means the latest version."""


def parse_function_arn(arn: str) -> FunctionArn:
    """Parse `arn:aws:lambda:<region>:<account>:function:<name>`, with or without a qualifier."""
    _, _, _, region, account, _, name, *qualifier = arn.split(":")
    return FunctionArn(region, account, name, qualifier[0] if qualifier else None)
