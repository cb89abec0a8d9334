"""200,000 events with the headers of CloudEvents: how fast they are archived from a real Kafka, and compared with it.

Into LocalStack's S3, by the operations themselves, in this process.
"""

import contextlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

from confluent_kafka import Producer

from kernel import telemetry
from kernel.contracts.blogs import BlogPublished
from kernel.messaging import events
from kernel.operations.operation import Operation
from millrace_local.deployment import aws
from millrace_local.instance import Instance
from millrace_local.servers.kafka import Kafka
from millrace_local.servers.localstack import LocalStack
from operations import archive_events, topics, verify_archive
from tests.benchmarks.machine import describe
from tests.kit import operations
from tests.kit.servers import free_instance, running
from tests.kit.topics import create

RECORDS = 200_000
PARTITIONS = 4
BUCKET = "archive"


def main() -> None:
    telemetry.logger.setLevel(logging.WARNING)
    telemetry.publish = lambda *_, **__: None
    with _servers() as instance:
        topic = create(instance.kafka_bootstrap, partitions=PARTITIONS)
        _produce(instance.kafka_bootstrap, topic)
        with patch.object(topics, "names", lambda: [topic]):
            archived, seconds = _timed(archive_events.handler)
            findings, compared_seconds = _timed(verify_archive.handler)
        stored = sum(
            each["Size"]
            for each in aws.client(instance, "s3").list_objects_v2(Bucket=BUCKET, Prefix="topics/")["Contents"]
        )
    print(describe())
    print(f"archived {archived['records']} records in {seconds:.1f} s: {archived['records'] / seconds:.0f} per second")
    print(f"compared in {compared_seconds:.1f} s: {RECORDS / compared_seconds:.0f} per second")
    print(f"stored {stored / RECORDS:.0f} bytes a record")
    assert archived["records"] == findings[topic]["same"] == RECORDS


@contextlib.contextmanager
def _servers() -> Iterator[Instance]:
    with tempfile.TemporaryDirectory() as home:
        instance = free_instance(Path(home))
        with running(Kafka(), instance), running(LocalStack(), instance):
            aws.client(instance, "s3").create_bucket(Bucket=BUCKET)
            kafka = {"KAFKA_BOOTSTRAP_SERVERS": instance.kafka_bootstrap, "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}
            with patch.dict(os.environ, kafka | aws.environment(instance) | {"ARCHIVE_BUCKET": BUCKET}):
                yield instance


def _produce(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": RECORDS})
    for number in range(RECORDS):
        event = BlogPublished(blog_id=uuid4(), title=f"A post about {number}", author_id=uuid4())
        key, value, headers = events.encode(event)
        producer.produce(topic, value, key, number % PARTITIONS, headers=list(headers))
    assert producer.flush(60) == 0


def _timed(handler: Operation[Any, Any]) -> tuple[Any, float]:
    """Return the operation's result, and how many seconds it took."""
    began = time.perf_counter()
    return operations.run(handler), time.perf_counter() - began


if __name__ == "__main__":
    main()
