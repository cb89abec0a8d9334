"""Other members of a mapping's consumer group, on two Kafka clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from confluent_kafka import Consumer
from kafka import KafkaConsumer

Read = tuple[int, int]
"""Partition and offset."""


class Member:
    """The records that a member has read. It commits only if its client does so by default."""

    def __init__(self) -> None:
        self.read: list[Read] = []
        self.has_joined = Event()

    def offsets(self, partition: int) -> list[int]:
        return [offset for number, offset in list(self.read) if number == partition]


@contextmanager
def librdkafka_member(bootstrap: str, group: str, topic: str, strategy: str) -> Iterator[Member]:
    """Run a member on librdkafka that assigns by *strategy*."""
    member = Member()
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "partition.assignment.strategy": strategy,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
        }
    )
    consumer.subscribe([topic], on_assign=lambda *_: member.has_joined.set())

    def poll() -> None:
        message = consumer.poll(0.1)
        if message is not None and not message.error():
            partition, offset = message.partition(), message.offset()
            assert partition is not None
            assert offset is not None
            member.read.append((partition, offset))
            consumer.commit(message, asynchronous=False)

    with _polled(poll):
        yield member
    consumer.close()


@contextmanager
def kafka_python_member(bootstrap: str, group: str, topic: str) -> Iterator[Member]:
    """Run a member on kafka-python with its default strategies."""
    member = Member()
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=500,
    )

    def poll() -> None:
        for records in consumer.poll(100).values():
            member.read += [(record.partition, record.offset) for record in records]
        if consumer.assignment():
            member.has_joined.set()

    with _polled(poll):
        yield member
    consumer.close()


@contextmanager
def _polled(poll: Callable[[], None]) -> Iterator[None]:
    """Call *poll* in a thread until the block ends."""
    stopping = Event()

    def run() -> None:
        while not stopping.is_set():
            poll()

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(30)
