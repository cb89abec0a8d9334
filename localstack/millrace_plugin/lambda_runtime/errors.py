"""Build the Lambda service's own answers for functions that could not answer, in AWS's words.

AWS: "Troubleshoot invocation issues in Lambda" and "Using the Lambda runtime API".
"""

import json
import signal
from dataclasses import dataclass

TIMED_OUT = "Sandbox.Timedout"
EXITED = "Runtime.ExitError"
RESPONSE_LIMIT = 6 * 1024 * 1024 + 100
"""In bytes: AWS's 6 MB and its allowance of 100."""


@dataclass(frozen=True)
class Fault:
    """Why an invocation has no result: AWS's error type, its message, and the payload for the caller."""

    error_type: str
    message: str
    payload: bytes


def timeout_fault(request_id: str, seconds: float) -> Fault:
    return _service_fault(TIMED_OUT, f"Task timed out after {seconds:.2f} seconds", request_id)


def exit_fault(request_id: str, returncode: int) -> Fault:
    """Return the fault of a process that ended without an answer.

    returncode: as `subprocess` has it, negative for a signal.
    """
    return _service_fault(EXITED, _exit_reason(returncode), request_id)


def response_size_fault() -> Fault:
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    return _fault("Function.ResponseSizeTooLarge", message, message)


def _service_fault(error_type: str, message: str, request_id: str) -> Fault:
    return _fault(error_type, message, f"RequestId: {request_id} Error: {message}")


def _fault(error_type: str, message: str, for_caller: str) -> Fault:
    payload = json.dumps({"errorType": error_type, "errorMessage": for_caller}, separators=(",", ":"))
    return Fault(error_type, message, payload.encode())


def _exit_reason(returncode: int) -> str:
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    name = (signal.strsignal(-returncode) or f"signal {-returncode}").lower()
    return f"Runtime exited with error: signal: {name}"
