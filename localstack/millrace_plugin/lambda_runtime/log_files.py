"""The functions' logs as files, which outlive LocalStack: it forgets CloudWatch's at each restart.

A line is `<time> <id of the invocation> <what was logged>`. The lines of an invocation stand together.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from millrace_plugin.lambda_runtime.logs import Event
from millrace_plugin.settings import STACK

VARIABLE = "MILLRACE_FUNCTION_LOGS"
LARGEST = 10 * 1024 * 1024
"""Bytes of a file after which it becomes the older one, of which there is one for each function."""


def name_of(function: str, handler: str) -> str:
    """Return the file's name: the application's functions keep theirs, however often they are deployed."""
    return handler.rpartition(".")[0] if function.startswith(f"{STACK}-") else function


def older(file: Path) -> Path:
    return file.with_suffix(".log.1")


def append(folder: Path, name: str, invocations: Iterable[tuple[str, Iterable[Event]]]) -> None:
    """Add the events of each invocation, named by its id, to the log of the function *name*."""
    lines = [line for invocation, events in invocations for event in events for line in _lines(invocation, event)]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = folder / f"{name}.log"
    if file.exists() and file.stat().st_size > LARGEST:
        file.replace(older(file))
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, "".join(lines).encode(errors="replace"))
    finally:
        os.close(descriptor)


def _lines(invocation: str, event: Event) -> Iterable[str]:
    time = datetime.fromtimestamp(event.timestamp / 1000, UTC).isoformat(timespec="milliseconds")
    prefix = f"{time.removesuffix('+00:00')}Z {invocation}"
    return (f"{prefix} {line}\n" for line in event.message.rstrip("\n").splitlines())
