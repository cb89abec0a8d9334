"""The interface by which a batch reaches the function. `localstack_invoker` implements it, tests do too."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Answer:
    """A function's answer to an event."""

    payload: bytes
    """The returned value, or the error, as JSON."""
    function_error: str | None = None
    """Lambda's `FunctionError`. None if the function succeeded."""
    request_id: str = ""
    executed_version: str = "$LATEST"


class NotInvokedError(Exception):
    """The batch did not reach the function: a throttle, a service error, an inactive function. No attempt (C8)."""


class Invoker(Protocol):
    def invoke(self, payload: bytes) -> Answer:
        """Call the function with *payload* and wait for its answer. Several threads may call at a time.

        Raises:
            NotInvokedError: the function did not run.
        """
        ...
