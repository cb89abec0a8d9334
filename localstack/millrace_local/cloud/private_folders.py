"""The folders of a local cloud, which hold passwords and people's data: for their owner alone."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from millrace_local.instance import Instance

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextlib.contextmanager
def writing(instance: Instance) -> Iterator[None]:
    """Make the folders, and let what is written and started inside the block be for its owner alone.

    What an older version left open to others is shut.
    """
    before = os.umask(_OTHERS)
    try:
        for top in (instance.home / "data", instance.logs, instance.run):
            top.mkdir(parents=True, exist_ok=True)
            _shut(top)
        yield
    finally:
        os.umask(before)


def _shut(top: Path) -> None:
    top.chmod(0o700)
    for folder, _, _ in os.walk(top):
        mode = stat.S_IMODE(Path(folder).stat().st_mode)
        if mode & _OTHERS:
            Path(folder).chmod(mode & ~_OTHERS)
