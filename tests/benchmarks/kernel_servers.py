"""Real servers and an empty activity database for the kernel's benchmarks."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from millrace_local.servers.kafka import Kafka
from millrace_local.servers.postgres import Postgres, superuser_url
from tests.kit import databases, topics
from tests.kit.databases import Database
from tests.kit.servers import free_instance, running


@contextlib.contextmanager
def activity_database() -> Iterator[Database]:
    """The activity database on a Postgres of its own; this process is its application."""
    with tempfile.TemporaryDirectory() as home:
        instance = free_instance(Path(home))
        with running(Postgres(), instance):
            database = databases.migrated(superuser_url(instance), "activity")
            os.environ["DATABASE_URL_ACTIVITY"] = database.url("app")
            yield database


@contextlib.contextmanager
def topic() -> Iterator[str]:
    """A topic of four partitions on a Kafka of its own; this process's producer writes to it."""
    with tempfile.TemporaryDirectory() as home:
        instance = free_instance(Path(home))
        with running(Kafka(), instance):
            os.environ["KAFKA_BOOTSTRAP_SERVERS"] = instance.kafka_bootstrap
            os.environ["KAFKA_SECURITY_PROTOCOL"] = "PLAINTEXT"
            yield topics.create(instance.kafka_bootstrap, partitions=4)
