"""Kafka → mapping → function process → Postgres on the local cloud: events/s from a backlog of 100,000.

In the same run, with the same rows in the same database: COPY, which nothing can beat, and one INSERT and commit per
row, which is what a consumer without batches does.
"""

import json
import time
from typing import Any
from uuid import uuid4

import boto3
import psycopg
from confluent_kafka import Producer

from tests.benchmarks import machine
from tests.end_to_end.history import TOPIC, user_event
from tests.kit.cloud import Cloud, running_cloud
from tests.kit.servers import wait_until

BACKLOG = 100_000
ROW_BY_ROW = 2_000
BUDGET = 20_000
PAYLOAD = json.dumps({"page": "x" * 120})
KEYS = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}


def main() -> None:
    # A log line for each event is for looking at a few, not for measuring many.
    with running_cloud("EventLogLevel=DEBUG") as cloud:
        database = cloud.environment()["DATABASE_URL_ACTIVITY"]
        ours = measure_local_path(cloud, database)
        copy, row_by_row = measure_copy(database), measure_row_by_row(database)
    print(f"machine              {machine.describe()}")
    print(f"local path           {ours:10,.0f} events/s   (budget {BUDGET:,})")
    print(f"COPY (the limit)     {copy:10,.0f} rows/s     ours / limit      {ours / copy:6.3f}")
    print(f"INSERT row by row    {row_by_row:10,.0f} rows/s     ours / row by row {ours / row_by_row:6.1f}")


def measure_local_path(cloud: Cloud, database: str) -> float:
    """Stop the mapping, write the backlog, start the mapping, and time from the first row seen to the last."""
    functions = boto3.client("lambda", endpoint_url=cloud.instance.localstack_url, region_name="us-east-1", **KEYS)
    mappings = functions.list_event_source_mappings()["EventSourceMappings"]
    [mapping] = [each for each in mappings if each["Topics"] == [TOPIC]]
    _switch(functions, mapping["UUID"], on=False)
    user = f"bench-{uuid4()}"
    produce(cloud.instance.kafka_bootstrap, user)
    with psycopg.connect(database, autocommit=True) as connection:
        before = _count(connection)
        _switch(functions, mapping["UUID"], on=True)
        wait_until(lambda: _count(connection) > before, seconds=60, what="the first row")
        began, first = time.perf_counter(), _count(connection)
        wait_until(lambda: _count(connection) == before + BACKLOG, seconds=300, what="the last row")
        return (before + BACKLOG - first) / (time.perf_counter() - began)


def produce(bootstrap_servers: str, user: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap_servers, "linger.ms": 5})
    for number in range(BACKLOG):
        event = user_event(f"{user}-{number % 100}") | {"payload": {"page": "x" * 120}}
        producer.produce(TOPIC, key=event["userId"].encode(), value=json.dumps(event).encode())
        producer.poll(0)
        if number % 10_000 == 0:
            producer.flush()
    producer.flush()


def measure_copy(database: str) -> float:
    began = time.perf_counter()
    statement = "COPY events (id, user_id, event_type, payload) FROM STDIN"
    with psycopg.connect(database) as connection, connection.cursor().copy(statement) as copy:
        for _ in range(BACKLOG):
            copy.write_row((str(uuid4()), "bench", "LOGIN", PAYLOAD))
    return BACKLOG / (time.perf_counter() - began)


def measure_row_by_row(database: str) -> float:
    began = time.perf_counter()
    with psycopg.connect(database, autocommit=True) as connection:
        for _ in range(ROW_BY_ROW):
            row = (uuid4(), "bench", "LOGIN", PAYLOAD)
            connection.execute("INSERT INTO events (id, user_id, event_type, payload) VALUES (%s, %s, %s, %s)", row)
    return ROW_BY_ROW / (time.perf_counter() - began)


def _switch(
    functions: Any,  # noqa: ANN401 - a boto3 client
    uuid: str,
    *,
    on: bool,
) -> None:
    functions.update_event_source_mapping(UUID=uuid, Enabled=on)
    wanted = "Enabled" if on else "Disabled"
    wait_until(lambda: functions.get_event_source_mapping(UUID=uuid)["State"] == wanted, seconds=30, what=wanted)


def _count(connection: psycopg.Connection[tuple[int]]) -> int:
    row = connection.execute("SELECT count(*) FROM events").fetchone()
    assert row is not None
    return row[0]


if __name__ == "__main__":
    main()
