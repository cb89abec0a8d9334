"""How a batch reaches the function; LocalStack's way is in `localstack_invoker`, tests bring their own."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """What the function made of an event: its answer or its error as JSON, and `FunctionError` if it failed."""

    payload: bytes
    function_error: str | None = None
    request_id: str = ""
    executed_version: str = "$LATEST"


class NotInvokedError(Exception):
    """The batch did not reach the function (throttle, service error, function not active): no attempt (C8)."""


class Invoker(Protocol):
    def invoke(self, payload: bytes) -> Answer:
        """Call the function with *payload* and wait for its answer; called from several threads at a time.

        Raises:
            NotInvokedError: the function did not run.
        """
        ...
