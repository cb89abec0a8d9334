"""A domain's relay, run as its schedule runs it, and what it brings to Kafka."""

import json
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from kernel.messaging import kafka as producer
from tests.kit import operations, topics
from tests.kit.databases import Database


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
