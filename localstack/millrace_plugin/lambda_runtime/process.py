"""One operating system process that runs a function, with the Runtime API it talks to and the pipes it hangs on."""

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
_READS = 16  # at a time, so that a process that writes without end holds nobody up
_MEGABYTE = 1024 * 1024


class ExitedError(Exception):
    """The process has ended; `returncode` as `subprocess` gives it."""

    def __init__(self, returncode: int) -> None:
        super().__init__(f"The process ended with {returncode}.")
        self.returncode = returncode


class FunctionProcess:
    """Started by its creation. It leads a process group of its own, so that its children end with it."""

    def __init__(self, function: Function, write_output: Callable[[bytes], None]) -> None:
        """Its variables are the whole environment, except AWS_LAMBDA_RUNTIME_API; it starts in LAMBDA_TASK_ROOT."""
        self._output, output = os.pipe()
        os.set_blocking(self._output, False)
        self._write_output = write_output
        self._api = RuntimeApi(self._output, self.drain)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - to run the function is what this is for
                # -P and -s: neither this package's folder nor the user's own packages are the function's.
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
        """The next request of the runtime client; raises ExitedError, or DeadlineError."""
        return self._api.receive(deadline, self.check_alive)

    def check_alive(self) -> None:
        if (returncode := self._process.poll()) is not None:
            raise ExitedError(returncode)

    def drain(self) -> bool:
        """Hand on what the process has written; False once it and its children can write no more."""
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
        """Resident memory in MB; 0 if the process has ended."""
        try:
            return int(self._statistics.memory_info().rss) // _MEGABYTE
        except psutil.NoSuchProcess:
            return 0

    def kill(self) -> None:
        """End it and its children at once, as Lambda does; also those that outlived it."""
        # A group that is gone is refused as unknown, on macOS one that only waits for its parent as not permitted.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def close(self) -> None:
        """End it, hand on the last of its output, and give back everything that it used."""
        self.kill()
        self._process.wait()
        self.drain()
        self._lifeline.close()
        self._api.close()
        os.close(self._output)
