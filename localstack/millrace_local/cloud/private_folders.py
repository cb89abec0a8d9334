"""Close the folders of a local cloud, which hold passwords and people's data, to other users."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from millrace_local.instance import Instance

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@contextlib.contextmanager
def restrict(instance: Instance) -> Iterator[None]:
    """Create the folders. Files that the block or its processes create are readable by their owner alone.

    Existing folders that other users can read are closed to them.
    """
    before = os.umask(_OTHERS)
    try:
        for top in (instance.home / "data", instance.logs, instance.run):
            top.mkdir(parents=True, exist_ok=True)
            _close(top)
        yield
    finally:
        os.umask(before)


def _close(top: Path) -> None:
    top.chmod(0o700)
    for folder, _, _ in os.walk(top):
        mode = stat.S_IMODE(Path(folder).stat().st_mode)
        if mode & _OTHERS:
            Path(folder).chmod(mode & ~_OTHERS)
