"""What is invoked, with what, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """What an environment runs. *timeout* in seconds, *memory_size* in MB, *runtime_version* an ARN.

    *variables* are those of `variables.function_variables`; *scratch*, the function's /tmp, belongs to the environment.
    """

    python: Path
    handler: str
    variables: Mapping[str, str]
    scratch: Path
    version: str
    timeout: float
    memory_size: int
    runtime_version: str


@dataclass(frozen=True)
class Invocation:
    """*payload* and *client_context* are JSON."""

    request_id: str
    function_arn: str
    payload: bytes
    trace_id: str = ""
    client_context: str | None = None

    def headers(self, deadline: float) -> dict[str, str]:
        """As the Runtime API's next invocation has them; *deadline* in seconds since 1970."""
        headers = {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
            "Lambda-Runtime-Trace-Id": self.trace_id,
        }
        return headers | ({"Lambda-Runtime-Client-Context": self.client_context} if self.client_context else {})


@dataclass(frozen=True)
class Outcome:
    """The function's answer, or the error's description; *logs* as CloudWatch Logs gets them."""

    payload: bytes
    is_error: bool
    logs: str
