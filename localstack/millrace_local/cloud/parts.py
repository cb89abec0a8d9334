"""The state of the processes of a local cloud, as they and the supervisor tell it."""

import contextlib
import socket
from collections.abc import Mapping
from typing import Any

import msgspec
import psutil

from millrace_local.cloud.probes import NoAnswerError
from millrace_local.instance import HOST, Instance
from millrace_local.servers.server import Server

SUPERVISOR, APPLICATION, REDEPLOYER, DISK = "supervisor", "application", "redeployer", "disk"
ALIVE = {"RUNNING", "STARTING"}

type Process = Mapping[str, Any]
"""What the supervisor knows of a program."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A server, a process that looks after the servers, the application or the disk."""

    name: str
    state: str
    """`up`, `starting`, `hung`, `down`; of the application also `deploying`, `failed`, `missing`; of the disk `full`."""
    port: int | None = None
    address: str | None = None
    pid: int | None = None
    memory_mb: int | None = None
    version: str | None = None
    problem: str | None = None


def server(instance: Instance, each: Server, answer: object, version: object, process: Process) -> Part:
    """Return a server's state. *answer* and *version* are what it answered, or what the requests raised."""
    pid, port = process.get("pid") or None, instance.ports[each.ports[0]]
    state, problem = _judge(port, answer, process)
    return Part(
        name=each.name,
        state=state,
        port=port,
        address=f"{HOST}:{port}",
        pid=pid,
        memory_mb=_memory_of_tree(pid) if pid else None,
        version=None if isinstance(version, Exception) else str(version),
        problem=problem,
    )


def supervisor(answer: object) -> Part:
    if not isinstance(answer, Exception):
        return Part(name=SUPERVISOR, state="up")
    consequence = "Servers that die are not started again: ./millrace up puts that right."
    state = "hung" if isinstance(answer, NoAnswerError) else "down"
    return Part(name=SUPERVISOR, state=state, problem=f"{answer} {consequence}")


def redeployer(instance: Instance, process: Process) -> Part:
    """Return the state of the process that deploys again after a restart of LocalStack and serves this status."""
    state, problem, pid, port = "up", None, process["pid"] or None, instance.ports["status"]
    if process["statename"] not in ALIVE:
        state = "down"
        problem = f"The supervisor has it as {process['statename']}: see ./millrace logs redeployer."
    elif _is_stopped(pid):
        state, problem = "hung", "Its process is stopped (SIGSTOP): ./millrace up resumes it."
    elif not _listens(port):
        state, problem = "starting", f"It does not listen on port {port} yet: see ./millrace logs redeployer."
    memory = _memory_of_tree(pid) if pid else None
    address = f"{HOST}:{port}"
    return Part(name=REDEPLOYER, state=state, port=port, address=address, pid=pid, memory_mb=memory, problem=problem)


def _judge(port: int, answer: object, process: Process) -> tuple[str, str | None]:
    """Return a server's state and its problem from what it answered and what the supervisor knows of it."""
    supervised = process.get("statename", "RUNNING")
    if not isinstance(answer, Exception):
        if supervised in ALIVE:
            return "up", None
        return "up", f"It answers, but the supervisor has it as {supervised}: ./millrace up starts it again."
    if isinstance(answer, NoAnswerError):
        return "hung", f"{answer} Its process is stopped (SIGSTOP)." if _is_stopped(process.get("pid")) else str(answer)
    seen = process.get("spawnerr") or str(answer) or repr(answer)
    if _listens(port):
        return "starting", seen
    return "down", seen if supervised == "RUNNING" else f"{seen} The supervisor has it as {supervised}."


def _is_stopped(pid: int | None) -> bool:
    try:
        return bool(pid) and psutil.Process(pid).status() == psutil.STATUS_STOPPED
    except psutil.NoSuchProcess:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=0.2).close()
    except OSError:
        return False
    return True


def _memory_of_tree(pid: int) -> int:
    """Return the megabytes that a server and its children hold. What they share is counted once per process.

    A process that has ended since it was listed holds none.
    """
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                held += one.memory_info().rss
    return held >> 20
