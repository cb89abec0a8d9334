"""The outbox's relay: rows per second when it drains, milliseconds from commit to Kafka when it follows.

Budget: 20,000 rows/s, p50 20 ms. Run: PYTHONPATH=functions:layers/shared:localstack:. .millrace/environments/dev/bin/python -m tests.benchmarks.kernel_relay
"""

import os
import statistics
import threading
import time

import psycopg
from confluent_kafka import Consumer, TopicPartition

from kernel import ids, telemetry
from kernel.messaging import outbox, relay
from kernel.messaging.outbox import Message
from tests.benchmarks.kernel_servers import activity_database, topic
from tests.benchmarks.machine import describe
from tests.kit.databases import Database

ROWS = 40_000
ROUNDS = 5
FOLLOWED = 200


def message(name: str, number: int) -> Message:
    """Of the size and with the headers of a UserEvent."""
    headers = {"ce_specversion": "1.0", "ce_id": str(ids.new()), "ce_type": "UserEvent", "ce_source": "/activity"}
    headers |= {"ce_time": "2026-11-21T06:00:00.000000Z", "ce_subject": "user", "ce_correlationid": str(ids.new())}
    headers |= {"content-type": "application/json", "traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}
    key = f"user{number % 100}"
    return Message(name, key.encode(), [(n, v.encode()) for n, v in headers.items()], b"x" * 250, key)


def drain(database: Database, name: str) -> float:
    with psycopg.connect(database.url("app"), autocommit=True) as connection:
        for first in range(0, ROWS, 1000):
            outbox.add_messages(connection, [message(name, first + number) for number in range(1000)])
    started = time.perf_counter()
    assert relay.publish("activity", 0).published == ROWS
    return ROWS / (time.perf_counter() - started)


def follow(database: Database, name: str) -> list[float]:
    """Milliseconds from the commit until a consumer that waits has the record."""
    consumer = Consumer(
        {"bootstrap.servers": os.environ["KAFKA_BOOTSTRAP_SERVERS"], "group.id": "g", "fetch.wait.max.ms": 50}
    )
    ends = [consumer.get_watermark_offsets(TopicPartition(name, number), timeout=10)[1] for number in range(4)]
    consumer.assign([TopicPartition(name, number, end) for number, end in enumerate(ends)])
    found = []
    with psycopg.connect(database.url("app"), autocommit=True) as connection:
        for number in range(FOLLOWED):
            with connection.transaction():
                outbox.add_messages(connection, [message(name, number)])
            committed = time.perf_counter()
            while consumer.poll(10) is None:
                pass
            found.append((time.perf_counter() - committed) * 1000)
    consumer.close()
    return found


def main() -> None:
    telemetry.publish = lambda *_, **__: None
    print(describe())
    with activity_database() as database, topic() as name:
        os.environ["DATABASE_URL_ACTIVITY"] = database.url("relay")
        rates = [drain(database, name) for _ in range(ROUNDS)]
        print(f"drain   {statistics.median(rates):,.0f} rows/s ({min(rates):,.0f} to {max(rates):,.0f})")
        waiting = threading.Thread(target=relay.publish, args=("activity", 15))
        waiting.start()
        delays = statistics.quantiles(follow(database, name), n=100)
        print(f"follow  p50 {delays[49]:.1f} ms, p99 {delays[98]:.1f} ms from commit to consumer")
        waiting.join()


if __name__ == "__main__":
    main()
