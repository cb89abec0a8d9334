"""Speak the Runtime API's protocol with one process: its initialization, then its invocations."""

import json
import re
import time
from http import HTTPStatus

from millrace_plugin.lambda_runtime.errors import RESPONSE_LIMIT, Fault, response_size_fault
from millrace_plugin.lambda_runtime.invocation import Function, Invocation
from millrace_plugin.lambda_runtime.logs import Log
from millrace_plugin.lambda_runtime.process import FunctionProcess
from millrace_plugin.lambda_runtime.runtime_api import Request

_NEXT = "/2018-06-01/runtime/invocation/next"
_INIT_ERROR = "/2018-06-01/runtime/init/error"
_RESULT = re.compile(r"/2018-06-01/runtime/invocation/(?P<request_id>[^/]+)/(?P<kind>response|error)")


class FaultError(Exception):
    """The function did not initialize, or its answer is too large."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class Runtime:
    """Run a function's process.

    Every wait raises DeadlineError at its deadline, a `time.monotonic`, and ExitedError if the process ends.
    """

    def __init__(self, function: Function, log: Log) -> None:
        self.process = FunctionProcess(function, log.write)
        self.started = time.monotonic()
        self.init_duration: float | None = None
        """Seconds from the start to the first request for an invocation. None until that request."""
        self._waiting: Request | None = None

    def make_ready(self, deadline: float) -> None:
        """Wait until the process requests an invocation.

        Raises:
            FaultError: it reports that it cannot initialize.
        """
        while self._waiting is None:
            request = self.process.receive(deadline)
            if request.path == _NEXT:
                self._waiting = request
            elif request.path == _INIT_ERROR:
                request.accept(deadline)
                raise FaultError(_parse_fault(request.body))
            else:
                _refuse(request, deadline)
        self.process.check_alive()
        if self.init_duration is None:
            self.init_duration = time.monotonic() - self.started

    def run(self, invocation: Invocation, deadline: float) -> tuple[bytes, bool]:
        """Run *invocation* on a ready process. Returns its answer, and whether that describes an error.

        Raises:
            FaultError: the answer is too large.
        """
        waiting, self._waiting = self._waiting, None
        assert waiting is not None, "make_ready comes first"  # noqa: S101 - a mistake of the caller
        headers = invocation.headers(time.time() + deadline - time.monotonic())
        waiting.answer(HTTPStatus.OK, invocation.payload, headers, deadline=deadline)
        while True:
            request = self.process.receive(deadline)
            result = _RESULT.fullmatch(request.path)
            if result and result["request_id"] == invocation.request_id:
                self._take(request, deadline)
                return request.body, result["kind"] == "error"
            _refuse(request, deadline)

    def _take(self, request: Request, deadline: float) -> None:
        if len(request.body) > RESPONSE_LIMIT:
            message = f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            request.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestEntityTooLarge", message, deadline)
            raise FaultError(response_size_fault())
        # The output before the answer is in the pipe by now, so this invocation's log is complete.
        self.process.drain()
        request.accept(deadline)


def _parse_fault(body: bytes) -> Fault:
    error = json.loads(body)
    return Fault(error["errorType"], error["errorMessage"], body)


def _refuse(request: Request, deadline: float) -> None:
    if _RESULT.fullmatch(request.path):
        request.refuse(HTTPStatus.BAD_REQUEST, "InvalidRequestID", "Invalid request ID", deadline)
    elif request.path in (_NEXT, _INIT_ERROR):
        request.refuse(HTTPStatus.FORBIDDEN, "InvalidStateTransition", "State transition is not allowed", deadline)
    else:
        request.refuse(HTTPStatus.NOT_FOUND, "NotFound", f"There is no {request.path}", deadline)
