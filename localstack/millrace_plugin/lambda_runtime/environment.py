"""A Lambda execution environment: one process at a time, one invocation at a time, a new process after a fault.

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
"""An initialization that takes longer is broken off, and begun again within the first invocation's own time."""


class StoppedError(Exception):
    """The environment was stopped at once, in the middle of an invocation: nobody knows what that has done."""


class Environment:
    """Safe to stop from any thread; a second invocation waits for the first."""

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
        """Start the process; it initializes by itself, and the first invocation waits for it."""
        self._start()

    def initialize(self) -> None:
        """Wait until a started process is ready (provisioned concurrency); raises what `Runtime.make_ready` does."""
        with self._busy:
            if not self._is_warm():
                self._initialize("")

    def invoke(self, invocation: Invocation) -> Outcome:
        """Run *invocation*. Every failure of the function is an outcome; raises StoppedError alone."""
        try:
            with self._busy:
                return self._invoke(invocation)
        finally:
            self._close_if_stopped()

    def stop(self, *, at_once: bool = False) -> None:
        """End the process: an idle one now, a busy one when its invocation is done, or *at_once*."""
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
        """Start the invocation on a process that waits for it: the warm one if it is still there, or a new one."""
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
        except ExitedError:  # by itself, after its last answer
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
        # Whoever comes last does it: stop() while nothing runs, else the invocation that it found running.
        if self._stopped and self._busy.acquire(blocking=False):
            try:
                self._discard()
                for folder in own_folders(self._function):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                self._busy.release()
