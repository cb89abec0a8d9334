"""One `supervisord` per instance starts the servers, restarts those that die, and stops them in order."""

import contextlib
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import psutil

from millrace_local.instance import Instance, environment
from millrace_local.problems import LocalCloudError
from millrace_local.services.service import Command
from millrace_local.supervisor_rpc import SupervisorError, SupervisorFault, call

TAG = "MILLRACE_INSTANCE"  # marks every process of an instance, so that a crash's leftovers are found
ANSWER_SECONDS = 5
STOP_SECONDS = 60  # longer than the slowest server may take
DO_NOT_WAIT = False
KEPT_VARIABLES = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ")

SUPERVISORD = """\
[supervisord]
logfile={logs}/supervisord.log
pidfile={run}/supervisord.pid
childlogdir={logs}
directory={home}
{user}
[unix_http_server]
file={socket}
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
PROGRAM = """\
[program:{name}]
command={command}
environment={environment}
priority={priority}
autorestart=true
startsecs=2
startretries=3
stopsignal={stop_signal}
stopwaitsecs={stop_seconds}
killasgroup=true
redirect_stderr=true
stdout_logfile={logs}/{name}.log
stdout_logfile_maxbytes=10MB
stdout_logfile_backups=1
"""


@dataclass(frozen=True)
class Program:
    """One supervised process; programs are stopped in the reverse of their order."""

    name: str
    command: Command
    environment: Mapping[str, str]
    stop_signal: str = "TERM"
    stop_seconds: int = 10


def start(instance: Instance, programs: Iterable[Program]) -> None:
    """Start supervisord, and with it every program; the servers may still be starting when this returns."""
    for folder in (instance.run, instance.logs):
        folder.mkdir(parents=True, exist_ok=True)
    configuration = instance.run / "supervisord.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(_configuration(instance, programs))
    command: Command = [sys.executable, "-m", "supervisor.supervisord", "-c", configuration]
    started = subprocess.run(command, env=_environment(instance), capture_output=True, text=True, check=False)  # noqa: S603 - our own command line
    if started.returncode != 0:
        message = f"The supervisor did not start: {started.stderr.strip() or started.stdout.strip()}"
        raise LocalCloudError(message)


def is_running(instance: Instance) -> bool:
    """Return whether the supervisor answers; one that hangs runs no more than one that is dead."""
    try:
        return bool(call(_socket(instance), lambda supervisor: supervisor.getState(), ANSWER_SECONDS))
    except SupervisorError:
        return False


def processes(instance: Instance) -> dict[str, dict[str, Any]]:
    """Return what the supervisor knows of each program, by name: statename, pid, start (epoch seconds), spawnerr, …"""
    found = call(_socket(instance), lambda supervisor: supervisor.getAllProcessInfo(), ANSWER_SECONDS)
    return {process["name"]: process for process in found}


def restart(instance: Instance, name: str) -> None:
    """Stop a program and start it, whatever state it is in; it may still be starting when this returns."""
    with contextlib.suppress(SupervisorFault):  # it does not run
        call(_socket(instance), lambda supervisor: supervisor.stopProcess(name), STOP_SECONDS)
    start_program(instance, name)


def start_program(instance: Instance, name: str) -> None:
    """Start a program, unless it runs; it may still be starting when this returns."""
    with contextlib.suppress(SupervisorFault):  # it was started meanwhile
        call(_socket(instance), lambda supervisor: supervisor.startProcess(name, DO_NOT_WAIT), ANSWER_SECONDS)


def stop(instance: Instance) -> None:
    """Stop every program, last started first, and the supervisor itself; return when all are gone, or after a minute."""
    pid = call(_socket(instance), lambda supervisor: supervisor.getPID(), ANSWER_SECONDS)
    call(_socket(instance), lambda supervisor: supervisor.shutdown(), ANSWER_SECONDS)
    deadline = time.monotonic() + STOP_SECONDS
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return
        time.sleep(0.05)


def leftovers(instance: Instance) -> Iterator[psutil.Process]:
    """Processes of this instance that outlived their supervisor (it was killed)."""
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and _belongs_to(instance, process):
                yield process
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def _belongs_to(instance: Instance, process: psutil.Process) -> bool:
    if process.environ().get(TAG) == str(instance.home):
        return True
    # Redis writes its title over its environment; but it is our program, at work in our data.
    ours = process.exe().startswith(str(environment("local")))
    return ours and Path(process.cwd()).is_relative_to(instance.home / "data")


def end_leftovers(instance: Instance) -> int:
    """End what a killed supervisor left behind, by request first, and tell how many there were."""
    found = list(leftovers(instance))
    for process in found:
        process.terminate()
    _, alive = psutil.wait_procs(found, timeout=20)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)
    return len(found)


def _environment(instance: Instance) -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {TAG: str(instance.home)}


def _configuration(instance: Instance, programs: Iterable[Program]) -> str:
    places = {"logs": instance.logs, "run": instance.run, "home": instance.home}
    user = "user=root\n" if os.geteuid() == 0 else ""
    sections = [SUPERVISORD.format(socket=_socket(instance), user=user, **places)]
    for priority, program in enumerate(programs, start=1):
        pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in program.environment.items())
        command = _escape(shlex.join(str(word) for word in program.command))
        stopping = {"stop_signal": program.stop_signal, "stop_seconds": program.stop_seconds}
        settings = {"name": program.name, "command": command, "environment": pairs, "priority": priority}
        sections.append(PROGRAM.format(logs=instance.logs, **settings, **stopping))
    return "\n".join(sections)


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def _socket(instance: Instance) -> Path:
    """The supervisor's socket; a path longer than the system allows goes to the temporary folder instead."""
    path = instance.run / "supervisor.sock"
    if len(str(path)) < 90:  # noqa: PLR2004 - macOS ends at 103 bytes, and supervisord appends its pid for a moment
        return path
    return Path(tempfile.gettempdir()) / f"millrace-{sha256(str(path).encode()).hexdigest()[:16]}.sock"
