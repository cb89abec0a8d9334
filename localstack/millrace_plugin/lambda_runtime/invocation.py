"""The structures of an invocation: the function, its logging, the event, the outcome."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from millrace_plugin.lambda_runtime.logs import Event
from millrace_plugin.lambda_runtime.output import LEVELS, Piece, level_of


@dataclass(frozen=True)
class Logging:
    """A function's LoggingConfig. Levels apply to the JSON format only."""

    is_json: bool = False
    application_level: str = "TRACE"
    system_level: str = "TRACE"

    def shows(self, piece: Piece) -> bool:
        """Return whether an event of the process is severe enough to be logged."""
        return not self.is_json or LEVELS.index(level_of(piece)) >= LEVELS.index(self.application_level)


@dataclass(frozen=True)
class Function:
    """The function that an environment runs.

    variables: those of `variables.function_variables`.
    scratch: the function's /tmp, which belongs to the environment.
    timeout: in seconds.
    memory_size: in MB.
    runtime_version: an ARN.
    layers: the folder of all its layers. None without layers.
    """

    python: Path
    handler: str
    variables: Mapping[str, str]
    scratch: Path
    version: str
    timeout: float
    memory_size: int
    runtime_version: str
    layers: Path | None = None
    logging: Logging = Logging()

    @property
    def code(self) -> list[Path]:
        """The folders of its code and layers, which it cannot write to."""
        task = Path(self.variables["LAMBDA_TASK_ROOT"])
        return [task, self.layers] if self.layers else [task]


@dataclass(frozen=True)
class Invocation:
    """An event on its way to a function. *payload* and *client_context* are JSON."""

    request_id: str
    function_arn: str
    payload: bytes
    trace_id: str = ""
    client_context: str | None = None

    def headers(self, deadline: float) -> dict[str, str]:
        """Return the headers of the Runtime API's next invocation.

        deadline: in seconds since 1970.
        """
        headers = {
            "Lambda-Runtime-Aws-Request-Id": self.request_id,
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": self.function_arn,
            "Lambda-Runtime-Trace-Id": self.trace_id,
        }
        return headers | ({"Lambda-Runtime-Client-Context": self.client_context} if self.client_context else {})


@dataclass(frozen=True)
class Outcome:
    """The function's answer, or the error's description, and its log events."""

    payload: bytes
    is_error: bool
    events: tuple[Event, ...]

    @property
    def logs(self) -> str:
        """The whole log as text."""
        return "".join(event.message for event in self.events)
