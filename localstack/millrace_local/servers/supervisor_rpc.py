"""Calls to an instance's `supervisord` over its socket, each with a time limit."""

import http.client
import socket
import xmlrpc.client
from collections.abc import Callable
from pathlib import Path
from typing import Any, override

from millrace_local.problems import LocalCloudError

SupervisorFault = xmlrpc.client.Fault
"""The supervisor refuses, because a program is not in the state for it."""


class SupervisorError(LocalCloudError):
    """The supervisor is dead or hangs; the message says which."""


def call[Answer](path: Path, question: Callable[[Any], Answer], seconds: float) -> Answer:
    """Call the supervisor whose socket is *path*. Returns the result of *question*, which is given its methods.

    Raises SupervisorError unless it answers within *seconds*, and SupervisorFault if it refuses.
    """
    try:
        with xmlrpc.client.ServerProxy("http://supervisor", transport=_Transport(path, seconds)) as server:
            return question(server.supervisor)
    except TimeoutError as error:
        message = f"The supervisor does not answer within {seconds:g} s."
        raise SupervisorError(message) from error
    except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        message = f"The supervisor is not running ({error})."
        raise SupervisorError(message) from error


class _Transport(xmlrpc.client.Transport):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__()
        self._path, self._seconds = path, seconds

    @override
    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        connection = _Connection(self._path, self._seconds)
        self._connection = host, connection  # what `close` closes
        return connection


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("supervisor")
        self._path, self._seconds = path, seconds

    @override
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self._seconds)
        self.sock.connect(str(self._path))
