"""Run a Lambda execution environment: one process and one invocation at a time, a new process after a fault.

AWS: "Understanding the Lambda execution environment lifecycle".
"""

import shutil
import threading
import time
from typing import cast

from millrace_plugin.lambda_runtime.errors import Fault, exit_fault, timeout_fault
from millrace_plugin.lambda_runtime.invocation import Function, Invocation, Outcome
from millrace_plugin.lambda_runtime.isolation import own_folders
from millrace_plugin.lambda_runtime.logs import Log
from millrace_plugin.lambda_runtime.platform_log import Report, platform_log
from millrace_plugin.lambda_runtime.process import ExitedError
from millrace_plugin.lambda_runtime.runtime import FaultError, Runtime
from millrace_plugin.lambda_runtime.runtime_api import DeadlineError

INIT_SECONDS = 10
"""A longer initialization is aborted, and started again within the first invocation's timeout."""


class StoppedError(Exception):
    """The environment was killed during an invocation. Its effects are unknown."""


class Environment:
    """Run one function version. Any thread may stop it, and a second invocation waits for the first."""

    def __init__(self, function: Function) -> None:
        self._function = function
        self._log = Log(function.logging.shows)
        self._platform = platform_log(function, self._log.write_line)
        self._memory_used = 0
        self._runtime: Runtime | None = None
        self._busy = threading.Lock()
        self._stopped = False
        self._killed = False

    def start(self) -> None:
        """Start the process. It initializes in the background, and the first invocation waits for it."""
        self._start()

    def initialize(self) -> None:
        """Wait until a started process is ready (provisioned concurrency). Raises what `Runtime.make_ready` raises."""
        with self._busy:
            if not self._is_warm():
                self._initialize("")

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run *invocation* and return its outcome, also if the function fails.

        Raises:
            StoppedError: the environment was killed meanwhile.
        """
        try:
            with self._busy:
                return self._invoke(invocation)
        finally:
            self._close_if_stopped()

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the process, a busy one after its invocation.

        at_once: kill it during the invocation.
        """
        self._stopped = True
        if at_once and (runtime := self._runtime):
            self._killed = True
            runtime.process.kill()
        self._close_if_stopped()

    def _invoke(self, invocation: Invocation) -> Outcome:
        report = Report(invocation.request_id, invocation.function_arn, self._function.memory_size)
        fault, began = None, time.monotonic()
        try:
            runtime = self._start_invocation(report)
            began = time.monotonic()
            payload, is_error = runtime.run(invocation, began + self._function.timeout)
        except (DeadlineError, ExitedError, FaultError) as error:
            if self._killed:
                raise StoppedError from error
            fault = self._describe_fault(error, invocation.request_id)
            payload, is_error = fault.payload, True
        report.duration = time.monotonic() - began
        report.produced_bytes = len(payload)
        self._end(report, fault)
        return Outcome(payload, is_error, self._log.take())

    def _start_invocation(self, report: Report) -> Runtime:
        """Log the start of an invocation, on the warm process or a new one. Returns its runtime."""
        try:
            if not self._is_warm():
                report.init_duration = self._initialize(report.request_id).init_duration
            return cast("Runtime", self._runtime)
        finally:
            self._platform.start(report)

    def _is_warm(self) -> bool:
        if self._runtime is None or self._runtime.init_duration is None:
            return False
        try:
            self._runtime.make_ready(time.monotonic() + self._function.timeout)
        except ExitedError:  # it ended by itself after its last answer
            self._discard()
            return False
        return True

    def _initialize(self, request_id: str) -> Runtime:
        runtime = self._runtime or self._start()
        try:
            runtime.make_ready(runtime.started + INIT_SECONDS)
        except (DeadlineError, ExitedError, FaultError) as error:
            runtime.process.drain()
            self._platform.end_init(time.monotonic() - runtime.started, self._describe_fault(error, request_id))
            if not isinstance(error, DeadlineError):
                raise
            self._discard()
            runtime = self._start()
            runtime.make_ready(runtime.started + self._function.timeout)
        self._platform.end_init(runtime.init_duration or 0, None)
        return runtime

    def _start(self) -> Runtime:
        self._platform.start_init()
        self._runtime = Runtime(self._function, self._log)
        return self._runtime

    def _describe_fault(self, error: Exception, request_id: str) -> Fault:
        if isinstance(error, FaultError):
            return error.fault
        if isinstance(error, ExitedError):
            return exit_fault(request_id, error.returncode)
        return timeout_fault(request_id, self._function.timeout)

    def _end(self, report: Report, fault: Fault | None) -> None:
        if self._runtime:
            self._memory_used = max(self._memory_used, self._runtime.process.memory_used())
        report.memory_used = self._memory_used
        if fault:
            self._discard()
        self._platform.end(report, fault)

    def _discard(self) -> None:
        if self._runtime:
            self._runtime.process.close()
            self._runtime = None
            self._log.end_output()

    def _close_if_stopped(self) -> None:
        # The last one cleans up: stop() while no invocation runs, otherwise that invocation.
        if self._stopped and self._busy.acquire(blocking=False):
            try:
                self._discard()
                for folder in own_folders(self._function):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                self._busy.release()
