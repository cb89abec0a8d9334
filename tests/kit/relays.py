"""A domain's relay, run as its schedule runs it or in processes of its own, and what it brings to Kafka."""

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from kernel.messaging import kafka as producer
from millrace_local.instance import ROOT
from tests.kit import operations, topics
from tests.kit.databases import Database

PROCESS = Path(__file__).parents[1] / "kernel" / "relay_process.py"


@dataclass
class Relays:
    """Relays of one database, each in a process of its own. What starts a relay is known here and nowhere else."""

    database: Database
    bootstrap: str
    batch_size: int = 2000
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start one more. *arguments*: how many seconds it waits for rows, and what `relay_process` takes."""
        path = os.pathsep.join(str(ROOT / part) for part in (".", "functions", "layers/shared", "localstack"))
        environment = os.environ | {
            f"DATABASE_URL_{self.database.domain.upper()}": self.database.url("relay"),
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT",
            "RELAY_BATCH_SIZE": str(self.batch_size),
            "PYTHONPATH": path,
        }
        command = [sys.executable, str(PROCESS), *arguments]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        return process

    def kill(self, which: int) -> None:
        """Kill one of them, wherever it is."""
        with self.processes.pop(which) as process:
            process.kill()

    def listening(self) -> int:
        """Return how many of them have a connection."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND usename = %s"
        [(count,)] = self.database.rows(query, self.database.name, f"{self.database.domain}_relay")
        return int(count)


@contextmanager
def at_work(database: Database, bootstrap: str, count: int, batch_size: int = 2000) -> Iterator[Relays]:
    """Start *count* relays that wait for rows, and kill those that are left when the block ends."""
    relays = Relays(database, bootstrap, batch_size)
    try:
        for _ in range(count):
            relays.start("600")
        yield relays
    finally:
        while relays.processes:
            relays.kill(0)


@contextmanager
def relaying(database: Database, bootstrap: str, topic: str) -> Iterator[None]:
    """This process is *database*'s relay, and *topic* exists."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    if topic not in admin.list_topics(timeout=10).topics:
        admin.create_topics([NewTopic(topic, 4, 1)])[topic].result(timeout=10)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(f"DATABASE_URL_{database.domain.upper()}", database.url("relay"))
        environment.setenv("KAFKA_BOOTSTRAP_SERVERS", bootstrap)
        environment.setenv("KAFKA_SECURITY_PROTOCOL", "PLAINTEXT")
        environment.setenv("RELAY_SECONDS", "0")
        yield
    producer.close()


def run(publish_events: ModuleType) -> dict[str, int]:
    """Let the relay drain the outbox. Returns what it reports."""
    summary: dict[str, int] = operations.run(publish_events.handler)
    return summary


def received(bootstrap: str, topic: str) -> dict[str, list[tuple[str, str]]]:
    """The id and type of each event in *topic*, in order, by key."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for message in topics.read(bootstrap, topic):
        headers = dict(message.headers())
        assert json.loads(message.value())["type"] == headers["ce_type"].decode()
        found[message.key().decode()].append((headers["ce_id"].decode(), headers["ce_type"].decode()))
    return found
