"""Check whether ports are free, and find the program that has a taken one."""

import contextlib
import socket

import psutil

from millrace_local.instance import HIGHEST_PORTS, HOST, PORTS, Instance
from millrace_local.problems import LocalCloudError


class PortTakenError(LocalCloudError):
    """Another program listens on a port of the local cloud; the message names it and the variable that helps."""


def check_free(instance: Instance) -> None:
    """Raise PortTakenError, naming every taken port, unless all of the instance's ports are free."""
    taken = [name for name, port in instance.ports.items() if not _is_free(port)]
    if taken:
        raise PortTakenError("\n".join(_explain(name, instance.ports[name]) for name in taken))


def _is_free(port: int) -> bool:
    with socket.socket() as candidate:
        # As servers do: a port in TIME_WAIT is free, one that is listened on is not.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, port))
        except OSError:
            return False
    return True


def _explain(name: str, port: int) -> str:
    other = port - 1000 if name in HIGHEST_PORTS else port + 10000
    setting = f"{PORTS[name][1]}={other}"
    return f"Port {port} ({name}) is taken by {_owner(port)}. Stop it, or choose another port: {setting}."


def _owner(port: int) -> str:
    try:
        connections = psutil.net_connections("tcp")
    except psutil.AccessDenied:  # macOS tells only root
        return "another program"
    for connection in connections:
        if (
            connection.status == psutil.CONN_LISTEN
            and connection.laddr
            and connection.laddr.port == port
            and connection.pid
        ):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(connection.pid)
                return f"{process.name()} (pid {process.pid}: {' '.join(process.cmdline())[:100]})"
    return "a program of another user, or one that has just ended"
