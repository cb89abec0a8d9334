"""What state each part of a local cloud is in, as plain data, within seconds whatever hangs."""

import contextlib
import socket
from collections.abc import Callable, Mapping
from functools import partial
from time import monotonic
from typing import Any

import psutil

from millrace_local.cloud import application, disk
from millrace_local.cloud.probes import NoAnswerError, ask
from millrace_local.instance import HOST, Instance
from millrace_local.servers import SERVERS, supervision
from millrace_local.servers.server import Server

type Row = dict[str, Any]

LEAST_SECONDS, LEAST_LAG_SECONDS = 1, 0.5
SUPERVISOR, APPLICATION = "supervisor", "application"


def status(instance: Instance, seconds: float) -> dict[str, list[Row]]:
    """Return `{"parts": […], "functions": […], "mappings": […]}`; the last two are empty while LocalStack is down.

    Whatever is not well has a text as its `problem`. It takes *seconds*, but lets the servers have at least one of them,
    and the lag half of one.
    """
    deadline = monotonic() + seconds
    questions: dict[str, Callable[[], Any]] = {each.name: partial(each.check_ready, instance) for each in SERVERS}
    questions |= {_version_of(each): each.version for each in SERVERS}
    questions |= {
        SUPERVISOR: partial(supervision.processes, instance),
        APPLICATION: partial(application.find, instance),
    }
    answers: dict[str, Any] = ask(questions, max(LEAST_SECONDS, seconds - LEAST_LAG_SECONDS))
    processes: dict[str, Row] = {} if isinstance(answers[SUPERVISOR], Exception) else answers[SUPERVISOR]
    servers = [_server(instance, each, answers, processes.get(each.name, {})) for each in SERVERS]
    parts = [*servers, _supervisor(answers[SUPERVISOR]), *_redeployer(processes)]
    found = answers[APPLICATION]
    if isinstance(found, Exception):
        parts.append(_row(APPLICATION, "unknown", problem=f"LocalStack does not tell what is deployed: {found}"))
        found = application.NOTHING
    else:
        parts.append(_row(APPLICATION, found.state, problem=found.problem))
    if full := disk.shortage(instance):
        parts.append(_row("disk", "full", problem=full))
        for row in parts:
            if row["state"] == "down":
                row["problem"] = f"{full} ({row['problem']})"
    kafka = next(row["problem"] for row in servers if row["name"] == "kafka")
    left = max(LEAST_LAG_SECONDS, deadline - monotonic())
    mappings = application.mappings(instance, found, kafka, left)
    return {"parts": parts, "functions": application.functions(found), "mappings": mappings}


def _row(name: str, state: str, **known: object) -> Row:
    unknown = dict.fromkeys(("port", "pid", "memory_mb", "version", "problem"))
    return {"name": name, "state": state} | unknown | known


def _server(instance: Instance, server: Server, answers: Mapping[str, object], process: Mapping[str, Any]) -> Row:
    pid = process.get("pid") or None
    state, problem = _judge(instance, server, answers[server.name], process)
    version = answers[_version_of(server)]
    return _row(
        server.name,
        state,
        port=instance.ports[server.ports[0]],
        pid=pid,
        memory_mb=_memory_of_tree(pid) if pid else None,
        version=None if isinstance(version, Exception) else version,
        problem=problem,
    )


def _version_of(server: Server) -> str:
    return f"version of {server.name}"


def _judge(instance: Instance, server: Server, answer: object, process: Mapping[str, Any]) -> tuple[str, str | None]:
    """Return a server's state and its problem from what it answered and what the supervisor knows of it."""
    supervised = process.get("statename", "RUNNING")
    if not isinstance(answer, Exception):
        if supervised in {"RUNNING", "STARTING"}:
            return "up", None
        return "up", f"It answers, but the supervisor has it as {supervised}: ./millrace up starts it again."
    if isinstance(answer, NoAnswerError):
        return "hung", f"{answer} Its process is stopped (SIGSTOP)." if _is_stopped(process.get("pid")) else str(answer)
    seen = process.get("spawnerr") or str(answer) or repr(answer)
    if _listens(instance.ports[server.ports[0]]):
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


def _supervisor(answer: object) -> Row:
    if not isinstance(answer, Exception):
        return _row(SUPERVISOR, "up")
    consequence = "Servers that die are not started again: ./millrace up puts that right."
    return _row(SUPERVISOR, "hung" if isinstance(answer, NoAnswerError) else "down", problem=f"{answer} {consequence}")


def _redeployer(processes: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return the row of the process that deploys again after a restart of LocalStack, if the supervisor knows it."""
    if (process := processes.get("redeployer")) is None:
        return []
    state, problem, pid = "up", None, process["pid"] or None
    if process["statename"] not in {"RUNNING", "STARTING"}:
        state = "down"
        problem = f"The supervisor has it as {process['statename']}: see ./millrace logs redeployer."
    elif _is_stopped(pid):
        state, problem = "hung", "Its process is stopped (SIGSTOP): ./millrace up lets it go on."
    memory = _memory_of_tree(pid) if pid else None
    return [_row("redeployer", state, pid=pid, memory_mb=memory, problem=problem)]


def _memory_of_tree(pid: int) -> int:
    """Return the megabytes that a server and its children hold; what they share is counted once per process.

    One that has ended since it was listed holds none.
    """
    held = 0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                held += one.memory_info().rss
    return held >> 20
