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
    """A server: made ready once by `prepare`, then run by the supervisor as `command` until told to stop."""

    name: str
    ports: tuple[str, ...]
    """Names in `instance.PORTS`; the first is the one that users connect to."""
    stop_signal = "TERM"
    """The signal that stops it in order: buffers flushed, offsets committed, clients told."""
    stop_seconds = 20

    def install(self) -> None:  # noqa: B027 - most servers come whole from the package registry
        """Fetch what the package registries did not bring; nothing by default. Repairs a half install."""

    @abstractmethod
    def prepare(self, instance: Instance) -> None:
        """Write configuration and make the data folder if there is none. Safe to repeat, also after a crash."""

    @abstractmethod
    def command(self, instance: Instance) -> Command: ...

    def environment(self, instance: Instance) -> Mapping[str, str]:  # noqa: ARG002 - for those that need it
        return {}

    def remains(self, instance: Instance) -> tuple[Path, ...]:  # noqa: ARG002 - for those that leave something
        """Return files and folders of a run that the next one must not find, or has no use for."""
        return ()

    @abstractmethod
    def check_ready(self, instance: Instance) -> None:
        """Ask the server something only a working one answers; raise NotReadyError if it does not."""

    @abstractmethod
    def version(self) -> str: ...


def check_port_open(name: str, port: int) -> None:
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError as error:
        message = f"{name} does not answer on {HOST}:{port} ({error})."
        raise NotReadyError(message) from error
