"""Functions of the rig in Lambda's real processes, with the plugin's own runtime: no LocalStack is needed for them."""

import contextlib
import queue
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import psutil

from millrace_local.instance import ROOT, environment
from millrace_plugin.kafka_trigger.invoker import Answer, NotInvokedError
from millrace_plugin.lambda_runtime.environment import Environment, StoppedError
from millrace_plugin.lambda_runtime.invocation import Function, Invocation
from millrace_plugin.lambda_runtime.variables import Places, function_variables

# The functions need the layer's packages, which the development environment has at the versions that are deployed.
PYTHON = environment("dev") / "bin" / "python"
MEMORY = 512


def _clock(seconds: int) -> Mapping[str, str]:
    """Return the variables by which a process has another wall clock, and the same monotonic one (libfaketime)."""
    if not seconds:
        return {}
    found = find_spec("libfaketime")
    assert found is not None
    assert found.origin is not None
    folder = Path(found.origin).parent / "vendor/libfaketime/src"
    preload = (
        {"DYLD_INSERT_LIBRARIES": str(folder / "libfaketime.1.dylib"), "DYLD_FORCE_FLAT_NAMESPACE": "1"}
        if sys.platform == "darwin"
        else {"LD_PRELOAD": str(folder / "libfaketime.so.1")}
    )
    return preload | {"FAKETIME": f"{seconds:+d}s", "DONT_FAKE_MONOTONIC": "1", "FAKETIME_FORCE_MONOTONIC_FIX": "0"}


@dataclass(frozen=True)
class OfHost(Invocation):
    """An invocation by a host whose clock is wrong by *skew* seconds: so is the deadline that it tells."""

    skew: int = 0

    def headers(self, deadline: float) -> dict[str, str]:
        return super().headers(deadline + self.skew)


@dataclass
class Pool:
    """The execution environments of one function, as many as invocations are under way at a time.

    It is what a mapping invokes. *skew*: by how many seconds the clock of its host is wrong. *repeats*: how often each event is delivered.
    *endings*: how many invocations ended in which way: `ok`, or the type of the error.
    *partial*: how many gave a part of their batch back. *first_seconds*, *again_seconds*: of first and further
    deliveries, in sum.
    """

    name: str
    handler: str
    variables: Mapping[str, str]
    folder: Path
    timeout: float = 30
    skew: int = 0
    repeats: int = 1
    endings: Counter[str] = field(default_factory=Counter)
    partial: int = 0
    first_seconds: float = 0
    again_seconds: float = 0
    logs: list[str] = field(default_factory=list)
    _all: list[Environment] = field(default_factory=list)
    _idle: queue.LifoQueue[Environment] = field(default_factory=queue.LifoQueue)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: bool = False

    def invoke(self, payload: bytes) -> Answer:
        """Invoke the function. Raises NotInvokedError when the pool is stopped."""
        began = time.monotonic()
        answer = self._invoke(payload)
        first = time.monotonic()
        for _ in range(self.repeats - 1):
            answer = self._invoke(payload)
        if self.repeats > 1:
            self.first_seconds += first - began
            self.again_seconds += time.monotonic() - first
        return answer

    def warm(self, number: int) -> None:
        """Start *number* environments, each of which the first invocation waits for."""
        for each in [self._take() for _ in range(number)]:
            each.start()
            self._idle.put(each)

    def kill(self, signal_number: int = signal.SIGKILL) -> int:
        """Send a signal to every process of the function. Returns how many there were."""
        found = list(self.processes())
        for process in found:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal_number)
        return len(found)

    def processes(self) -> Iterator[psutil.Process]:
        for process in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == self.name:
                    yield process

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            several = list(self._all)
        for each in several:
            each.stop(at_once=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _invoke(self, payload: bytes) -> Answer:
        each = self._take()
        try:
            outcome = each.invoke(OfHost(str(uuid4()), f"arn:aws:lambda:{self.name}", payload, skew=self.skew))
        except StoppedError as error:
            raise NotInvokedError(str(error)) from error
        finally:
            self._idle.put(each)
        ending = outcome.payload.decode().split('"errorType":"')[-1].split('"')[0] if outcome.is_error else "ok"
        self.endings[ending] += 1
        self.partial += b'"offset"' in outcome.payload
        if outcome.is_error:
            self.logs.append(outcome.logs[-4000:])
        return Answer(outcome.payload, "Unhandled" if outcome.is_error else None)

    def _take(self) -> Environment:
        with self._lock:
            if self._stopped:
                raise NotInvokedError("the function is deleted")
            with contextlib.suppress(queue.Empty):
                return self._idle.get_nowait()
            made = Environment(self._function(len(self._all)))
            self._all.append(made)
            return made

    def _function(self, number: int) -> Function:
        places = Places(PYTHON, ROOT, None, self.folder / str(number))
        lambdas = {"AWS_LAMBDA_FUNCTION_NAME": self.name, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": MEMORY}
        own = {"PYTHONPATH": str(ROOT / "layers/shared"), **_clock(self.skew), **self.variables}
        variables = function_variables({"_HANDLER": self.handler, **lambdas}, own, places)
        return Function(PYTHON, self.handler, variables, places.scratch, "$LATEST", self.timeout, MEMORY, "arn:runtime")


class Relay:
    """Invoke a relay again and again, as its schedule does, and at once when an invocation failed."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.pool.stop()
        self._thread.join()

    def _run(self) -> None:
        with contextlib.suppress(NotInvokedError):
            while True:
                self.pool.invoke(b"{}")
