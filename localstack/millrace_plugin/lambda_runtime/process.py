"""Run a function in an operating system process, with its Runtime API and its pipes."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from typing import IO, cast

import psutil

from millrace_plugin.lambda_runtime.invocation import Function
from millrace_plugin.lambda_runtime.isolation import BOOTSTRAP, prepare
from millrace_plugin.lambda_runtime.runtime_api import Request, RuntimeApi

_READ = 64 * 1024
_READS = 16  # at a time, so that a process that writes without end blocks nothing
_MEGABYTE = 1024 * 1024


class ExitedError(Exception):
    """The process has ended. `returncode` is that of `subprocess`, negative for a signal."""

    def __init__(self, returncode: int) -> None:
        super().__init__(f"The process ended with {returncode}.")
        self.returncode = returncode


class FunctionProcess:
    """A process that its creation starts. It leads a process group, so that its children end with it."""

    def __init__(self, function: Function, write_output: Callable[[bytes], None]) -> None:
        """Start the process in LAMBDA_TASK_ROOT, with the function's variables and AWS_LAMBDA_RUNTIME_API alone.

        write_output: called with what the process writes.
        """
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        self._write_output = write_output
        self._api = RuntimeApi(self._output, self.drain)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - to run the function is what this is for
                # -P and -s keep this package's folder and the user's own packages out of the function's imports.
                [function.python, "-P", "-s", BOOTSTRAP, function.handler, prepare(function)],
                env={**function.variables, "AWS_LAMBDA_RUNTIME_API": self._api.address},
                cwd=function.variables["LAMBDA_TASK_ROOT"],
                stdin=subprocess.PIPE,  # the lifeline, never written to: see bootstrap.py
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        except BaseException:
            self._api.close()
            os.close(self._output)
            raise
        finally:
            os.close(output)
        self._lifeline = cast("IO[bytes]", self._process.stdin)
        self._statistics = psutil.Process(self._process.pid)

    def receive(self, deadline: float) -> Request:
        """Return the next request of the runtime client.

        deadline: a `time.monotonic`.

        Raises:
            DeadlineError: the deadline passed.
            ExitedError: the process ended.
        """
        return self._api.receive(deadline, self.check_alive)

    def check_alive(self) -> None:
        if (returncode := self._process.poll()) is not None:
            raise ExitedError(returncode)

    def drain(self) -> bool:
        """Pass on what the process has written. Returns False once it and its children can write no more."""
        for _ in range(_READS):
            try:
                output = os.read(self._output, _READ)
            except BlockingIOError:
                return True
            if not output:
                return False
            self._write_output(output)
        return True

    def memory_used(self) -> int:
        """Return the resident memory in MB, 0 if the process has ended."""
        try:
            return int(self._statistics.memory_info().rss) // _MEGABYTE
        except psutil.NoSuchProcess:
            return 0

    def kill(self) -> None:
        """Kill it and its children, also those that outlived it."""
        # A missing group is an unknown process, and on macOS a zombie's group is not permitted.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill it, pass on the rest of its output, and free its resources."""
        self.kill()
        self._process.wait()
        self.drain()
        self._lifeline.close()
        self._api.close()
        os.close(self._output)
