"""Files and folders that are either whole or not there, and the lock of a file."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import psutil

from millrace_local import waiting


class LockedError(Exception):
    """Another process holds the lock; the message is what it wrote into the file."""


def write(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step: readers find the old text or the new one."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.rename(path)


@contextlib.contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """Make *folder* in one step: yield an empty folder beside it, which gets its name at the end of the block.

    If the block fails, nothing is left. If another process has made *folder* meanwhile, that one stays.
    """
    for stale in folder.parent.glob(f"{folder.name}.unfinished-*"):
        if not psutil.pid_exists(int(stale.name.rpartition("-")[2])):
            shutil.rmtree(stale, ignore_errors=True)
    unfinished = folder.with_name(f"{folder.name}.unfinished-{os.getpid()}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    try:
        yield unfinished
        if not folder.exists():
            unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextlib.contextmanager
def lock(path: Path, seconds: float = 0) -> Iterator[TextIO]:
    """Hold the lock of a file, which the system frees when the process ends, however it ends. Yields the open file.

    Raises LockedError if another process still holds it after *seconds*.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not waiting.until(lambda: _take(file), seconds):
            file.seek(0)
            raise LockedError(file.read())
        yield file


def _take(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
