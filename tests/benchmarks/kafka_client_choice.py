"""Which Kafka client the trigger should poll with: 100,000 records of 320 bytes, read and made into events.

    PYTHONPATH=.:localstack .millrace/environments/dev/bin/python tests/benchmarks/kafka_client_choice.py

Both clients read the same topic from the same broker, interleaved; the best of three runs counts. The events are the
trigger's own.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import batched
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient, NewTopic
from kafka import KafkaConsumer

from millrace_local.servers.kafka import Kafka
from millrace_plugin.kafka_trigger.payload import Encoder, Envelope
from tests.benchmarks.machine import describe
from tests.kit.servers import free_instance, running

RECORDS = 100_000
VALUE = b'{"eventId":"%036d"' + b"," + b'"padding":"' + b"x" * 251 + b'"}'
HEADERS = [("ce_id", str(uuid4()).encode()), ("ce_type", b"LOGIN"), ("traceparent", b"00-" + b"a" * 52)]
BATCH = 1_000
RUNS = 3

Message = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes]] | None]
"""Offset, timestamp, key, value, headers."""
Reader = Callable[[str, str], Iterator[Message]]


def main() -> None:
    with _broker() as bootstrap:
        topic = _fill(bootstrap)
        rates: dict[tuple[str, str], float] = {}
        for _ in range(RUNS):
            for name, read in (("confluent-kafka", _with_confluent), ("kafka-python", _with_kafka_python)):
                for work, measure in (("read", _read_alone), ("read and made into events", _make_events)):
                    rate = RECORDS / measure(read, bootstrap, topic)
                    rates[work, name] = max(rates.get((work, name), 0), rate)
    print(f"{describe()}; {RECORDS:,} records of {len(VALUE % 0)} bytes with {len(HEADERS)} headers")
    for work in ("read", "read and made into events"):
        confluent, pure = rates[work, "confluent-kafka"], rates[work, "kafka-python"]
        print(f"{work}: confluent-kafka {confluent:,.0f}/s, kafka-python {pure:,.0f}/s, ratio {confluent / pure:.1f}")


@contextmanager
def _broker() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        instance = free_instance(Path(folder))
        with running(Kafka(), instance):
            yield instance.kafka_bootstrap


def _fill(bootstrap: str) -> str:
    topic = f"client-choice-{uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(10)
    producer = Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": RECORDS, "linger.ms": 50})
    for number in range(RECORDS):
        producer.produce(topic, VALUE % number, b"user-%d" % (number % 1000), headers=HEADERS)
        producer.poll(0)
    producer.flush()
    return topic


def _read_alone(read: Reader, bootstrap: str, topic: str) -> float:
    start = time.perf_counter()
    for _ in read(bootstrap, topic):
        pass
    return time.perf_counter() - start


def _make_events(read: Reader, bootstrap: str, topic: str) -> float:
    envelope, encoder = Envelope(topic, bootstrap, None), Encoder(topic, 0)
    start = time.perf_counter()
    for batch in batched(read(bootstrap, topic), BATCH, strict=False):
        records = [
            encoder.record(offset, timestamp, "CREATE_TIME", key, value, headers)
            for offset, timestamp, key, value, headers in batch
        ]
        envelope.event({0: records})
    return time.perf_counter() - start


def _with_confluent(bootstrap: str, topic: str) -> Iterator[Message]:
    settings = {"bootstrap.servers": bootstrap, "group.id": str(uuid4()), "auto.offset.reset": "earliest"}
    consumer = Consumer(settings | {"enable.auto.commit": False})
    consumer.subscribe([topic])
    left = RECORDS
    while left:
        for message in consumer.consume(min(left, 10_000), 0.1):
            left -= 1
            yield message.offset(), message.timestamp()[1], message.key(), message.value(), message.headers()
    consumer.close()


def _with_kafka_python(bootstrap: str, topic: str) -> Iterator[Message]:
    settings = {"bootstrap_servers": bootstrap, "group_id": str(uuid4()), "auto_offset_reset": "earliest"}
    consumer = KafkaConsumer(topic, **settings, enable_auto_commit=False, max_poll_records=10_000)
    left = RECORDS
    while left:
        for messages in consumer.poll(timeout_ms=100).values():
            for message in messages:
                left -= 1
                yield message.offset, message.timestamp, message.key, message.value, message.headers
    consumer.close()


if __name__ == "__main__":
    main()
