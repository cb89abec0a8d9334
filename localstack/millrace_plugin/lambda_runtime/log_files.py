"""Write the functions' logs to files, because LocalStack loses those of CloudWatch at each restart.

A line is `<time> <id of the invocation> <text>`. The lines of an invocation follow each other.
"""

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from millrace_plugin.lambda_runtime.logs import Event
from millrace_plugin.settings import STACK

VARIABLE = "MILLRACE_FUNCTION_LOGS"
LARGEST = 10 * 1024 * 1024
"""In bytes: a larger file replaces the function's one older file."""


def name_of(function: str, handler: str) -> str:
    """Return the name of a function's file. The application's functions keep theirs across deployments."""
    return handler.rpartition(".")[0] if function.startswith(f"{STACK}-") else function


def older(file: Path) -> Path:
    return file.with_suffix(".log.1")


def append(folder: Path, name: str, invocations: Iterable[tuple[str, Iterable[Event]]]) -> None:
    """Append log events to the file of the function *name*.

    invocations: pairs of an invocation's id and its events.
    """
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
