"""The rig's own Postgres and Kafka, which cases kill, stop and start again, each behind a proxy."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from millrace_local.cloud import private_folders
from millrace_local.instance import HOST, Instance
from millrace_local.servers.kafka import Kafka
from millrace_local.servers.postgres import PROGRAMS, Postgres, superuser_url, unprivileged
from millrace_local.servers.server import Command, NotReadyError, Server
from tests.kit.servers import free_instance, require_allowed, wait_until
from tests.kit.tcp_proxy import TcpProxy, proxied


class ProxiedKafka(Kafka):
    """A broker that sends its clients to a proxy: they connect to what it advertises, whatever they were given."""

    def __init__(self, port: int) -> None:
        self._port = port

    def configure(self, instance: Instance) -> None:
        super().configure(instance)
        properties = self.configuration(instance) / "server.properties"
        own, proxy = (
            f"advertised.listeners=PLAINTEXT://{HOST}:{port}" for port in (instance.ports["kafka"], self._port)
        )
        text = properties.read_text()
        assert own in text, text
        properties.write_text(text.replace(own, proxy))


class Part:
    """A server that can be killed, stopped and started again on its data."""

    def __init__(self, server: Server, instance: Instance) -> None:
        self.server, self.instance = server, instance
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        require_allowed()
        for path in self.server.remains(self.instance):
            path.unlink(missing_ok=True)
        with private_folders.restrict(self.instance):
            self.server.prepare(self.instance)
            with (self.instance.logs / f"{self.server.name}.log").open("ab") as log:
                variables = os.environ | dict(self.server.environment(self.instance))
                command = self.server.command(self.instance)
                self.process = subprocess.Popen(command, env=variables, stdout=log, stderr=log)
        wait_until(self._is_ready, seconds=120, what=f"{self.server.name} to be ready")

    def kill(self) -> None:
        """End it and its children by SIGKILL."""
        self._send(signal.SIGKILL)
        self.wait()

    def suspend(self) -> None:
        """Stop it and its children: connections stay, and nobody answers."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        self._send(signal.SIGCONT)

    def end(self) -> None:
        """Stop it in order at the end, in whatever state it is."""
        if self.process is None or self.process.poll() is not None:
            return
        self.resume()
        self.process.send_signal(getattr(signal, f"SIG{self.server.stop_signal}"))
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait()
        self.process.kill()
        self.wait()

    def wait(self) -> None:
        """Wait until it has ended."""
        assert self.process is not None
        self.process.wait(timeout=30)

    def _send(self, number: int) -> None:
        assert self.process is not None
        own = psutil.Process(self.process.pid)
        for each in (own, *own.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.send_signal(number)

    def _is_ready(self) -> bool:
        try:
            self.server.check_ready(self.instance)
        except NotReadyError:
            return False
        return True


@dataclass(frozen=True)
class Servers:
    """Postgres and Kafka, and the proxies through which functions reach them."""

    instance: Instance
    postgres: Part
    kafka: Part
    to_postgres: TcpProxy
    to_kafka: TcpProxy

    @property
    def superuser(self) -> str:
        """Return the URL of the superuser's connection, past the proxy."""
        return superuser_url(self.instance)

    @property
    def bootstrap(self) -> str:
        return f"{HOST}:{self.to_kafka.port}"

    def heal(self) -> None:
        """Bring everything into order that a case may have left broken."""
        for proxy in (self.to_postgres, self.to_kafka):
            proxy.heal()
        for part in (self.postgres, self.kafka):
            if part.process is not None and part.process.poll() is None:
                part.resume()
            else:
                part.start()

    def stop_postgres_immediately(self) -> None:
        """`pg_ctl stop -m immediate`: sessions end without a word, and the next start recovers from the log."""
        command: Command = [PROGRAMS / "pg_ctl", "stop", "-m", "immediate", "-D", self.instance.data("postgres")]
        subprocess.run(unprivileged(command), check=True, capture_output=True)
        self.postgres.wait()


@contextlib.contextmanager
def running(home: Path) -> Iterator[Servers]:
    """Run both servers in *home* until the block ends."""
    instance = free_instance(home)
    with contextlib.ExitStack() as stack:
        to_postgres = stack.enter_context(proxied(HOST, instance.ports["postgres"]))
        to_kafka = stack.enter_context(proxied(HOST, instance.ports["kafka"]))
        postgres, kafka = Part(Postgres(), instance), Part(ProxiedKafka(to_kafka.port), instance)
        for part in (postgres, kafka):
            stack.callback(part.end)
        postgres.start()
        kafka.start()
        yield Servers(instance, postgres, kafka, to_postgres, to_kafka)
