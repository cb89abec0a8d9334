"""The parts of a function's ARN, of which a mapping knows nothing but the ARN."""

from typing import NamedTuple


class FunctionArn(NamedTuple):
    region: str
    account: str
    name: str
    qualifier: str | None
    """A version or an alias; None is the latest."""


def parse_function_arn(arn: str) -> FunctionArn:
    """Parse `arn:aws:lambda:<region>:<account>:function:<name>`, with or without a qualifier."""
    _, _, _, region, account, _, name, *qualifier = arn.split(":")
    return FunctionArn(region, account, name, qualifier[0] if qualifier else None)
