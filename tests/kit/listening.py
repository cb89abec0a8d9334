"""On which addresses processes listen."""

import contextlib
import ipaddress
from collections.abc import Iterable, Iterator
from typing import Any

import psutil


def strangers(processes: Iterable[psutil.Process]) -> list[str]:
    """Return the sockets of *processes* that listen on anything but 127.0.0.1 or its mapped form."""
    return [f"{ip}:{port} of {process}" for process, ip, port in _sockets(processes) if not _is_loopback(ip)]


def ports(processes: Iterable[psutil.Process]) -> set[int]:
    """Return the ports on which *processes* listen."""
    return {port for _, _, port in _sockets(processes)}


def other_addresses() -> list[str]:
    """Return this machine's IPv4 addresses other than 127.0.0.1, one more of loopback among them."""
    found = [address.address for each in psutil.net_if_addrs().values() for address in each]
    return ["127.0.0.2", *(one for one in found if _is_ipv4(one) and one != "127.0.0.1")]


def _sockets(processes: Iterable[psutil.Process]) -> Iterator[tuple[psutil.Process, str, int]]:
    """Read Linux's /proc/net/tcp and tcp6, or what another system has in their place."""
    for process, connection in _connections(processes):
        if connection.status == psutil.CONN_LISTEN:
            yield process, connection.laddr.ip, connection.laddr.port


def _connections(processes: Iterable[psutil.Process]) -> Iterator[tuple[psutil.Process, Any]]:
    """Yield each connection with its process. On Linux, one look has those of every process."""
    if psutil.LINUX:
        found = {process.pid: process for process in processes}
        yield from ((found[each.pid], each) for each in psutil.net_connections("tcp") if each.pid in found)
        return
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
            yield from ((process, each) for each in process.net_connections("tcp"))


def _is_loopback(address: str) -> bool:
    return address in {"127.0.0.1", "::ffff:127.0.0.1"}


def _is_ipv4(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 4
    except ValueError:
        return False
