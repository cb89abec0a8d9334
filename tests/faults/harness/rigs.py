"""One rig at a time, which cases share as long as they want the same one."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.faults.harness import rig as rig_module
from tests.faults.harness.rig import Rig, Setup
from tests.faults.harness.servers import Servers


class Rigs:
    """A case that failed, or that changed more than rows, leaves no rig to the next one.

    *folder*: makes a folder for a rig.
    """

    def __init__(self, servers: Servers, folder: Callable[[], Path]) -> None:
        self._servers, self._folder = servers, folder
        self._stack = contextlib.ExitStack()
        self._current: Rig | None = None

    @contextlib.contextmanager
    def lend(self, setup: Setup) -> Iterator[Rig]:
        if self._current is None or self._current.setup != setup or setup.is_alone:
            self.close()
            self._current = self._stack.enter_context(rig_module.running(self._servers, setup, self._folder()))
        rig = self._current
        try:
            yield rig
        except BaseException:
            self._servers.heal()
            self.close()
            raise
        if rig.is_changed:
            self.close()

    def close(self) -> None:
        self._current = None
        self._stack.close()
