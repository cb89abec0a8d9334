"""Find and end the processes of an instance that have outlived what started them."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

from millrace_local import waiting
from millrace_local.instance import TOOLS

INSTANCE = "MILLRACE_INSTANCE"
"""The variable that marks every process of an instance, by the instance's folder."""
PROGRAM = "MILLRACE_PROGRAM"
"""The variable that marks every process of a supervised program, by the program's name."""
KILLED_SECONDS = 5


def find(home: Path, program: str | None = None) -> list[psutil.Process]:
    """Return the processes of the instance in *home*, or those of one of its programs, with their children.

    This process and those that it descends from are left out.
    """
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    found = {each.pid: each for each in _roots(home, program)}
    return [process for pid, process in found.items() if pid not in own]


def end(processes: Iterable[psutil.Process], seconds: float) -> int:
    """Terminate processes, and kill those that are alive after *seconds*. Returns how many there were."""
    found = list(processes)
    for process in found:
        _send(process, psutil.Process.terminate)
        _send(process, psutil.Process.resume)  # one that is stopped would not notice
    alive = _wait(found, seconds)
    for process in alive:
        _send(process, psutil.Process.kill)
    _wait(alive, KILLED_SECONDS)
    return len(found)


def resume(home: Path) -> int:
    """Resume the processes of an instance that a signal has stopped. Returns how many there were."""
    stopped = [process for process in find(home) if _status(process) == psutil.STATUS_STOPPED]
    for process in stopped:
        _send(process, psutil.Process.resume)
    return len(stopped)


def has_ended(pid: int) -> bool:
    """Return whether a process is gone, or a zombie that nobody has reaped yet."""
    try:
        return _status(psutil.Process(pid)) == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _roots(home: Path, program: str | None) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        try:
            if _belongs_to(process, home, program):
                yield process
                yield from process.children(recursive=True)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue


def _belongs_to(process: psutil.Process, home: Path, program: str | None) -> bool:
    variables = process.environ()
    if variables.get(INSTANCE) == str(home):
        return program in {None, variables.get(PROGRAM)}
    # Postgres and Redis overwrite their environment with their titles, and functions get none of LocalStack's. They run
    # our programs in our data folder.
    data = home / "data" / program if program else home / "data"
    started_as = process.exe(), *process.cmdline()[:1]
    ours = any(path.startswith(str(TOOLS / "environments")) for path in started_as)
    return ours and Path(process.cwd()).is_relative_to(data)


def _wait(processes: Iterable[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait until processes have ended. Returns those that have not."""
    waited_for = list(processes)

    def alive() -> list[psutil.Process]:
        # Nobody may be there to reap an orphan: a zombie has ended.
        return [each for each in waited_for if _status(each) != psutil.STATUS_ZOMBIE]

    waiting.until(lambda: not alive(), seconds, pause=0.05)
    return alive()


def _status(process: psutil.Process) -> str:
    """Return the process's status. It is a zombie's once all threads have ended, and so its ports are free."""
    try:
        found = str(process.status()) if process.is_running() else psutil.STATUS_ZOMBIE
        return psutil.STATUS_DEAD if found == psutil.STATUS_ZOMBIE and process.num_threads() > 1 else found
    except psutil.NoSuchProcess:
        return str(psutil.STATUS_ZOMBIE)


def _send(process: psutil.Process, signal: Callable[[psutil.Process], None]) -> None:
    try:
        signal(process)
    except psutil.NoSuchProcess:
        return
