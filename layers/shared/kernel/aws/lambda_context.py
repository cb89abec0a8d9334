"""The context that Lambda gives a handler.

AWS: "Using the Lambda context object to retrieve Python function information" (Lambda Developer Guide).
"""

from typing import Protocol


class LambdaContext(Protocol):
    """Offer what the kernel reads of it."""

    @property
    def aws_request_id(self) -> str: ...

    def get_remaining_time_in_millis(self) -> int: ...
