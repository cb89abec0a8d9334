"""On which addresses processes listen."""

import ipaddress
from collections.abc import Iterable

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


def _sockets(processes: Iterable[psutil.Process]) -> Iterable[tuple[str, str, int]]:
    """Read Linux's /proc/net/tcp and tcp6, or what another system has in their place."""
    for process in processes:
        try:
            name = f"{process.name()} (pid {process.pid})"
            connections = process.net_connections("tcp")
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN:
                yield name, connection.laddr.ip, connection.laddr.port


def _is_loopback(address: str) -> bool:
    return address in {"127.0.0.1", "::ffff:127.0.0.1"}


def _is_ipv4(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).version == 4
    except ValueError:
        return False
