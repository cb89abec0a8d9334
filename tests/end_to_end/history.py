"""User events written and read by a client that knows nothing of Millrace: kafka-python and SQL."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import psycopg
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

TOPIC = "user-activity-events"
DEAD_LETTER_TOPIC = "user-activity-events-dlq"
GROUP = "user-activity-consumer-group"
POISON_EVERY = 100
DUPLICATE_EVERY = 20


@dataclass
class History:
    """What was acknowledged by the broker: good event ids, and the coordinates of each malformed record."""

    user: str = field(default_factory=lambda: f"user-{uuid4()}")
    good: set[str] = field(default_factory=set)
    poison: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def produce(self, producer: KafkaProducer, count: int) -> None:
        """Write *count* events and wait for their acknowledgement: 1 % malformed, 5 % written twice, no headers."""
        poison = []
        for number in range(count):
            key = f"{self.user}-{number % 50}".encode()
            if number % POISON_EVERY == 0:
                value = f"{{not json {uuid4()}".encode()
                poison.append((value, producer.send(TOPIC, key=key, value=value)))
                continue
            event = user_event(f"{self.user}-{number % 50}")
            self.good.add(event["eventId"])
            for _ in range(1 + (number % DUPLICATE_EVERY == 1)):
                producer.send(TOPIC, key=key, value=json.dumps(event).encode())
        producer.flush(timeout=120)
        for value, sent in poison:
            written = sent.get(timeout=120)
            self.poison[written.partition, written.offset] = value

    def applied(self, database_url: str) -> list[str]:
        with psycopg.connect(database_url) as connection:
            found = connection.execute("SELECT id FROM events WHERE user_id LIKE %s", [f"{self.user}%"]).fetchall()
        return [str(row[0]) for row in found]

    def dead_letters(self, bootstrap_servers: str) -> list[tuple[tuple[int, int], bytes, dict[str, str]]]:
        """Those of our malformed records that the dead-letter topic holds: original coordinates, value, headers."""
        ours = set(self.poison.values())
        return [letter for letter in read_dead_letters(bootstrap_servers) if letter[1] in ours]


def user_event(user_id: str) -> dict[str, Any]:
    return {
        "eventId": str(uuid4()),
        "userId": user_id,
        "eventType": "LOGIN",
        "timestamp": "2026-11-21T10:00:00.000Z",
        "payload": {"device": "test"},
    }


@contextlib.contextmanager
def producer(bootstrap_servers: str) -> Iterator[KafkaProducer]:
    client = KafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", linger_ms=5, delivery_timeout_ms=120_000)
    try:
        yield client
    finally:
        client.close()


def read_dead_letters(bootstrap_servers: str) -> list[tuple[tuple[int, int], bytes, dict[str, str]]]:
    """Every record of the dead-letter topic, read from its beginning to its present end."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    partitions = [
        TopicPartition(DEAD_LETTER_TOPIC, number) for number in consumer.partitions_for_topic(DEAD_LETTER_TOPIC)
    ]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    ends = consumer.end_offsets(partitions)
    letters = []
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for records in consumer.poll(timeout_ms=1000).values():
            for record in records:
                headers = {name: value.decode() for name, value in record.headers}
                letters.append((_coordinates(headers), record.value, headers))
    consumer.close()
    return letters


def lag(bootstrap_servers: str) -> int:
    """Records of the topic that the consumer group has not committed."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap_servers, group_id=GROUP, enable_auto_commit=False)
    partitions = [TopicPartition(TOPIC, number) for number in consumer.partitions_for_topic(TOPIC)]
    ends = consumer.end_offsets(partitions)
    behind = sum(end - (consumer.committed(partition) or 0) for partition, end in ends.items())
    consumer.close()
    return int(behind)


def _coordinates(headers: dict[str, str]) -> tuple[int, int]:
    return int(headers["dlq_partition"]), int(headers["dlq_offset"])
