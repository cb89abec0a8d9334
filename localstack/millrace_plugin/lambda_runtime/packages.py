"""Keep the code and layers of functions, unpacked once per content, with bytecode, and unchanged afterwards."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

_UNUSED_DAYS = 7
FEW_FILES = 100
"""Fewer are compiled faster than a second process starts."""


class PackageStore:
    """Folders named by their contents' digests. Several threads and LocalStacks may share a store."""

    def __init__(self, root: Path, python: Path, *, protect: bool = False) -> None:
        """Open the store in *root*, and remove folders unused for a week.

        python: compiles the bytecode. It must be the functions' interpreter.
        protect: remove the permission to write, for functions without mounts of their own.
        """
        self._protect = protect
        self._root = root
        self._python = python
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        root.mkdir(parents=True, exist_ok=True)
        self._remove_unused()

    def folder(self, digests: Sequence[str], unpacked: Callable[[], Iterable[Path]]) -> Path:
        """Return the folder of the union of packages. Files of a later package replace those of an earlier one.

        digests: of the packages' contents.
        unpacked: returns their unpacked folders in the same sequence. Called only if the union does not exist yet.
        """
        name = hashlib.sha256("\n".join(digests).encode()).hexdigest()[:32]
        folder = self._root / name
        with self._locks[name]:
            if not folder.exists():
                self._make(folder, unpacked())
        os.utime(folder)
        return folder

    def _make(self, folder: Path, sources: Iterable[Path]) -> None:
        with tempfile.TemporaryDirectory(dir=self._root, prefix="unfinished-") as temporary:
            union = Path(temporary) / "union"
            union.mkdir()
            for source in sources:
                shutil.copytree(source, union, copy_function=_link, dirs_exist_ok=True)
            self._compile(union, folder)
            try:
                union.rename(folder)
            except OSError:
                if not folder.exists():  # otherwise another process has made the same union
                    raise
        if self._protect:
            for path in (folder, *folder.rglob("*")):
                if not path.is_symlink():
                    path.chmod(path.stat().st_mode & 0o7555)

    def _compile(self, union: Path, final: Path) -> None:
        """Compile bytecode that is never checked against its source, so that a new process only loads it."""
        compiler: list[str | Path] = [self._python, "-I", "-m", "compileall", "-q", "-q", "-f"]
        if sum(1 for _ in union.rglob("*.py")) > FEW_FILES:
            compiler += ["-j", "0"]  # a process for each core
        options: list[str | Path] = ["--invalidation-mode", "unchecked-hash", "-s", union, "-p", final]
        # A file that does not compile fails where it is imported, as it does on AWS.
        subprocess.run([*compiler, *options, union], check=False, env={})  # noqa: S603 - the functions' interpreter

    def _remove_unused(self) -> None:
        limit = time.time() - _UNUSED_DAYS * 86400
        for folder in self._root.iterdir():
            if folder.stat().st_mtime < limit:
                remove(folder)


def _link(source: str, target: str) -> None:
    Path(target).unlink(missing_ok=True)
    os.link(source, target)


def remove(folder: Path) -> None:
    """Remove *folder* as far as possible, also folders without the permission to write."""
    shutil.rmtree(folder, onexc=_remove_protected)


def _remove_protected(remove_one: Callable[[str], object], path: str, _error: BaseException) -> None:
    with contextlib.suppress(OSError):
        Path(path).parent.chmod(0o700)
        remove_one(path)
