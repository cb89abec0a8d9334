"""Real servers for the tests: started on free ports in a folder of their own, stopped when the session ends."""

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from millrace_local.cloud import private_folders
from millrace_local.instance import HIGHEST_PORTS, HOST, PORTS, Instance
from millrace_local.servers.server import NotReadyError, Server

# The system gives higher ones to any connection, also to one that is made before a server starts on its chosen port.
BELOW_PASSING_PORTS = 32000
SHORTEST_REST = 0.02
LONGEST_REST = 1
# How boto3's waiters ask, which rest for seconds by themselves. They have 90 s.
OFTEN = {"Delay": 0.1, "MaxAttempts": 900}

# The fixtures that start a server or another program.
STARTED_BY: set[str] = set()
_is_quick = False


def starts_server[Fixture: Callable[..., object]](fixture: Fixture) -> Fixture:
    """Mark *fixture* as one that starts a server: `--quick` leaves out every test that needs it."""
    STARTED_BY.add(fixture.__name__)
    return fixture


def refuse(*, quick: bool) -> None:
    """Let `require_allowed` fail from now on if *quick*."""
    global _is_quick  # noqa: PLW0603 - pytest's own configuration is out of reach where servers are started
    _is_quick = quick


def require_allowed() -> None:
    """Fail the test that starts a server among those that were found to need none."""
    if _is_quick:
        pytest.fail("`--quick` runs no server. Start it in a fixture that is marked with `starts_server`.")


def free_instance(home: Path) -> Instance:
    """An instance in *home* whose ports nobody listens on."""
    sockets = [_listen_below(HIGHEST_PORTS.get(name, BELOW_PASSING_PORTS)) for name in PORTS]
    ports = dict(zip(PORTS, (listener.getsockname()[1] for listener in sockets), strict=True))
    for listener in sockets:
        listener.close()
    return Instance(home, ports)


@contextlib.contextmanager
def running(server: Server, instance: Instance, output: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run *server* until the block ends, then stop it as the local cloud does.

    It writes to its log, or to *output* as subprocess names it.
    """
    require_allowed()
    with private_folders.restrict(instance):
        server.prepare(instance)
        with (instance.logs / f"{server.name}.log").open("ab") as log:
            environment = os.environ | dict(server.environment(instance))
            to = log if output is None else output
            process = subprocess.Popen(server.command(instance), env=environment, stdout=to, stderr=to)
    try:
        wait_until(lambda: _is_ready(server, instance), seconds=90, what=f"{server.name} to be ready")
        yield process
    finally:
        process.send_signal(getattr(signal, f"SIG{server.stop_signal}"))
        try:
            process.wait(timeout=server.stop_seconds)
        finally:
            process.kill()  # a server that does not stop fails the test, and is not left behind
            process.wait()


def wait_until(condition: Callable[[], object], *, seconds: float = 30, what: str = "the condition") -> None:
    """Poll *condition* until it is true; fail after *seconds*, saying what was waited for.

    Between two polls it rests as long as one took, so that what is waited for gets the machine too.
    """
    deadline = time.monotonic() + seconds
    asked = time.monotonic()
    while not condition():
        answered = time.monotonic()
        assert answered < deadline, f"waited {seconds} s for {what}"
        time.sleep(min(max(SHORTEST_REST, answered - asked), LONGEST_REST))
        asked = time.monotonic()


def _listen_below(highest: int) -> socket.socket:
    """Listen on one of the many ports below *highest*; at random, as other test runs choose theirs meanwhile."""
    for port in random.sample(range(highest // 2, highest), 100):
        with contextlib.suppress(OSError):
            return socket.create_server((HOST, port))
    message = f"no port below {highest} is free"
    raise OSError(message)


def _is_ready(server: Server, instance: Instance) -> bool:
    try:
        server.check_ready(instance)
    except NotReadyError:
        return False
    return True
