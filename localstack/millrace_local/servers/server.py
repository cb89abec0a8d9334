"""What every server of the local cloud has in common."""

import socket
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from millrace_local.instance import HOST, Instance

type Command = Sequence[str | Path]


class NotReadyError(Exception):
    """The server does not answer yet; the message says what was seen."""


class Server(ABC):
    """A server. `prepare` configures it, and the supervisor runs `command` until it is stopped."""

    name: str
    ports: tuple[str, ...]
    """Names in `instance.PORTS`; the first is the one that users connect to."""
    stop_signal = "TERM"
    """The signal that stops it in order: it flushes buffers, commits offsets and notifies clients."""
    stop_seconds = 20

    def install(self) -> None:  # noqa: B027 - most servers come whole from the package registry
        """Install what the package registries do not have; nothing by default. Repairs an incomplete installation."""

    @abstractmethod
    def prepare(self, instance: Instance) -> None:
        """Write the configuration, and create the data folder if it is missing. Idempotent, also after a crash."""

    @abstractmethod
    def command(self, instance: Instance) -> Command: ...

    def environment(self, instance: Instance) -> Mapping[str, str]:  # noqa: ARG002 - for those that need it
        return {}

    def remains(self, instance: Instance) -> tuple[Path, ...]:  # noqa: ARG002 - for those that leave something
        """Return the files and folders of a run that are removed before the next one."""
        return ()

    @abstractmethod
    def check_ready(self, instance: Instance) -> None:
        """Send a request that only a working server answers. Raises NotReadyError if it does not answer."""

    @abstractmethod
    def version(self) -> str: ...


def check_port_open(name: str, port: int) -> None:
    """Raise NotReadyError unless something listens on *port*, where the server *name* should be."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError as error:
        message = f"{name} does not answer on {HOST}:{port} ({error})."
        raise NotReadyError(message) from error
