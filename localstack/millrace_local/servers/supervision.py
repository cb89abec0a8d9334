"""One `supervisord` per instance starts the servers, restarts those that die, and stops them in order."""

import contextlib
import os
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from millrace_local import waiting
from millrace_local.instance import Instance, environment
from millrace_local.problems import LocalCloudError
from millrace_local.servers.leftovers import INSTANCE, PROGRAM, has_ended
from millrace_local.servers.server import Command
from millrace_local.servers.supervisor_rpc import SupervisorError, SupervisorFault, call

ANSWER_SECONDS = 5
STOP_SECONDS = 60  # longer than the slowest server may take
DO_NOT_WAIT = False
PYTHON = str(environment("local") / "bin" / "python")
KEPT_VARIABLES = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ")

SUPERVISORD = """\
[supervisord]
logfile={logs}/supervisord.log
pidfile={run}/supervisord.pid
childlogdir={logs}
directory={home}
umask=077
{user}
[unix_http_server]
file={socket}
chmod=0700
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
"""
SECTION = """\
[program:{name}]
command={command}
environment={environment}
priority={priority}
autorestart=true
startsecs={start_seconds}
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
    remains: tuple[Path, ...] = ()
    """Files and folders of a run that are removed before the next."""
    start_seconds: int = 2
    """A start has failed if the program ends sooner, and the next start is delayed longer. 0: never delayed."""
    stop_signal: str = "TERM"
    stop_seconds: int = 10


def start(instance: Instance, programs: Iterable[Program]) -> None:
    """Start supervisord, and with it every program; the servers may still be starting when this returns."""
    for folder in (instance.run, instance.logs):
        folder.mkdir(parents=True, exist_ok=True)
    configuration = instance.run / "supervisord.conf"
    configuration.touch(mode=0o600)
    configuration.write_text(_configuration(instance, programs))
    command: Command = [PYTHON, "-m", "supervisor.supervisord", "-c", configuration]
    started = subprocess.run(command, env=_environment(instance), capture_output=True, text=True, check=False)  # noqa: S603 - our own command line
    if started.returncode != 0:
        message = f"The supervisor did not start: {started.stderr.strip() or started.stdout.strip()}"
        raise LocalCloudError(message)


def is_running(instance: Instance) -> bool:
    """Return whether the supervisor answers. One that hangs counts as dead."""
    try:
        return bool(call(_socket(instance), lambda supervisor: supervisor.getState(), ANSWER_SECONDS))
    except SupervisorError:
        return False


def pid(instance: Instance) -> int:
    """Return the process id of the supervisor itself."""
    return int(call(_socket(instance), lambda supervisor: supervisor.getPID(), ANSWER_SECONDS))


def processes(instance: Instance) -> dict[str, dict[str, Any]]:
    """Return what the supervisor knows of each program, by name: statename, pid, start (epoch seconds), spawnerr, …"""
    found = call(_socket(instance), lambda supervisor: supervisor.getAllProcessInfo(), ANSWER_SECONDS)
    return {process["name"]: process for process in found}


def restart(instance: Instance, name: str) -> None:
    """Stop a program and start it, whatever state it is in; it may still be starting when this returns."""
    stop_program(instance, name)
    start_program(instance, name)


def stop_program(instance: Instance, name: str) -> None:
    """Stop a program and wait until it has ended."""
    with contextlib.suppress(SupervisorFault):  # it is not running
        call(_socket(instance), lambda supervisor: supervisor.stopProcess(name), STOP_SECONDS)


def start_program(instance: Instance, name: str) -> None:
    """Start a program, unless it runs; it may still be starting when this returns."""
    with contextlib.suppress(SupervisorFault):  # it was started meanwhile
        call(_socket(instance), lambda supervisor: supervisor.startProcess(name, DO_NOT_WAIT), ANSWER_SECONDS)


def restart_failed(instance: Instance) -> list[str]:
    """Start the programs that the supervisor has given up. Returns their names.

    The supervisor gives up after a few starts, each delayed by a second more. Starting again bounds the delay, and
    retries without end.
    """
    given_up = [name for name, process in processes(instance).items() if process["statename"] == "FATAL"]
    for name in given_up:
        start_program(instance, name)
    return given_up


def start_stopped(instance: Instance) -> None:
    """Start every program that is not running."""
    for name, process in processes(instance).items():
        if process["statename"] not in {"STARTING", "RUNNING"}:
            start_program(instance, name)


def stop(instance: Instance) -> None:
    """Stop every program, last started first, and the supervisor itself. Returns when all have ended, or after a minute."""
    own = pid(instance)
    call(_socket(instance), lambda supervisor: supervisor.shutdown(), ANSWER_SECONDS)
    waiting.until(lambda: has_ended(own), STOP_SECONDS, pause=0.05)


def remove_socket(instance: Instance) -> None:
    """Remove the socket of a supervisor that was killed."""
    _socket(instance).unlink(missing_ok=True)


def _environment(instance: Instance) -> dict[str, str]:
    return {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ} | {INSTANCE: str(instance.home)}


def _configuration(instance: Instance, programs: Iterable[Program]) -> str:
    places = {"logs": instance.logs, "run": instance.run, "home": instance.home}
    user = "user=root\n" if os.geteuid() == 0 else ""
    sections = [SUPERVISORD.format(socket=_socket(instance), user=user, **places)]
    for priority, program in enumerate(programs, start=1):
        variables = {"TMPDIR": str(instance.scratch(program.name)), **program.environment, PROGRAM: program.name}
        settings = {
            "name": program.name,
            "command": _escape(shlex.join(str(word) for word in _command(instance, program))),
            "environment": ",".join(f'{name}="{_escape(value)}"' for name, value in variables.items()),
            "start_seconds": program.start_seconds,
            "stop_signal": program.stop_signal,
            "stop_seconds": program.stop_seconds,
        }
        sections.append(SECTION.format(logs=instance.logs, priority=priority, **settings))
    return "\n".join(sections)


def _command(instance: Instance, program: Program) -> Command:
    """Return the command line that cleans up after the last run and then becomes the program."""
    starter = [PYTHON, "-P", "-m", "millrace_local.servers.start_program", program.name]
    removals = [word for path in program.remains for word in ("--remove", path)]
    return [*starter, *removals, "--scratch", instance.scratch(program.name), "--", *program.command]


def _escape(text: str) -> str:
    return text.replace("%", "%%")


def _socket(instance: Instance) -> Path:
    """Return the path of the supervisor's socket, below /tmp if it would be longer than the system allows.

    TMPDIR does not count: the shells of a user and the supervised programs have different ones.
    """
    path = instance.run / "supervisor.sock"
    if len(os.fsencode(path)) < 90:  # noqa: PLR2004 - macOS ends at 103 bytes, and supervisord appends its pid for a moment
        return path
    return Path("/tmp") / f"millrace-{sha256(os.fsencode(path)).hexdigest()[:16]}.sock"  # noqa: S108 - the supervisor lets nobody else in
