"""What outbox, inbox and kept answers weigh after *events* in 30 simulated days, and what a poll costs beside history.

Budget: sizes of the 30th day as on the 16th; a poll beside five times as many published rows within 20 %.
Autovacuum looks every second: a day takes seconds here, and has 1,440 of its usual minutes.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import psycopg
from psycopg import sql

from kernel import ids, telemetry
from kernel.messaging import inbox, outbox, relay, unpublished
from kernel.messaging.unpublished import Row
from kernel.storage.database import Connection
from tests.benchmarks.kernel_relay import message
from tests.benchmarks.kernel_servers import activity_database, topic
from tests.benchmarks.machine import describe
from tests.kit.databases import Database

DAYS = 30
# From this day on every table has lost as many rows as it gets.
FULL_DAY = 16
OUTBOX_DAYS, INBOX_DAYS = 7, 14
PART, BACKLOG = 1000, 5000
POLLS = 200
TABLES = ("outbox_waiting", "outbox_published", "inbox", "idempotency_keys")


class Size(NamedTuple):
    """In MB. *live*: of the rows that can be read. *dead*: how many rows wait for a vacuum."""

    heap: float
    indexes: float
    live: float
    dead: int


def live_through(database: Database, name: str, ago: int, events: int) -> None:
    """Add, publish, apply and answer *events*, all of them *ago* days ago, and prune as the relay of that day does."""
    with database.connect() as owner:
        passed = sql.Literal(timedelta(days=ago))
        for table, column in (("inbox", "handled_at"), ("idempotency_keys", "created_at")):
            names = sql.Identifier(table), sql.Identifier(column)
            owner.execute(sql.SQL("ALTER TABLE {} ALTER {} SET DEFAULT now() - {}").format(*names, passed))
        if ago > 0:
            start = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=ago)
            place = sql.Identifier(f"outbox_{start:%Y%m%d}"), start, start + timedelta(days=1)
            owner.execute(
                sql.SQL(
                    "CREATE TABLE {} PARTITION OF outbox_published (PRIMARY KEY (id)) FOR VALUES FROM ({}) TO ({})"
                ).format(*place)
            )
    os.environ |= {"OUTBOX_RETENTION_DAYS": str(ago + OUTBOX_DAYS), "INBOX_RETENTION_DAYS": str(ago + INBOX_DAYS)}
    setattr(unpublished, "mark_published", marked(ago))  # noqa: B010 - mypy takes no other function by assignment
    for first in range(0, events, PART):
        if first % BACKLOG == 0:
            relay.publish("activity", 0)
        with database.connect("app") as application:
            outbox.add_messages(application, [message(name, first + number) for number in range(PART)])
            inbox.claim(application, "group", [ids.new() for _ in range(PART)])
            application.execute(
                """
                INSERT INTO idempotency_keys (route, principal, key_hash, fingerprint, status, body)
                SELECT 'POST /events/generate', '', uuid_send(gen_random_uuid()), '\\x00', 200, repeat('x', 100)
                FROM generate_series(1, %s)
                """,
                (PART,),
            )
    relay.publish("activity", 0)


def marked(ago: int) -> Callable[[Connection, list[Row]], None]:
    """Return what marks rows as published *ago* days ago."""

    def mark(connection: Connection, rows: list[Row]) -> None:
        connection.execute(
            """
            UPDATE outbox SET published_at = now() - make_interval(days => %b::int)
            WHERE bucket = ANY(%b::int[]) AND id = ANY(%b::bigint[]) AND published_at IS NULL AND parked_at IS NULL
            """,
            (ago, sorted({row.bucket for row in rows}), [row.id for row in rows]),
        )

    return mark


def size(database: Database, table: str) -> Size:
    """Measure without `pgstattuple`, which the local Postgres does not have: live rows are weighed one by one."""
    with database.connect() as owner:
        owner.execute("SELECT pg_stat_force_next_flush()")
        [(heap, indexes, dead)] = owner.execute(
            """
            SELECT sum(pg_table_size(relid)), sum(pg_indexes_size(relid)),
                   coalesce(sum(pg_stat_get_dead_tuples(relid)), 0)
            FROM (SELECT relid FROM pg_partition_tree(%s) WHERE isleaf UNION SELECT to_regclass(%s)) AS parts
            WHERE relid IS NOT NULL
            """,
            (table, table),
        ).fetchall()
        weigh = sql.SQL("SELECT coalesce(sum(pg_column_size(t.*)), 0) FROM {} AS t").format(sql.Identifier(table))
        [(live,)] = owner.execute(weigh).fetchall()
    return Size(float(heap) / 1e6, float(indexes) / 1e6, float(live) / 1e6, int(dead))


def poll_milliseconds(database: Database) -> list[float]:
    """Measure the relay's query over all buckets with 1,000 rows waiting."""
    found = []
    with database.connect("relay") as connection:
        for _ in range(POLLS):
            with connection.transaction():
                started = time.perf_counter()
                claimed = unpublished.lock_buckets(connection, list(range(16)))
                assert len(unpublished.read(connection, claimed, [], 2000)) == PART
                found.append((time.perf_counter() - started) * 1000)
    return found


def report(day: int, database: Database) -> None:
    for table in TABLES:
        heap, indexes, live, dead = size(database, table)
        sizes = f"heap {heap:,.1f} MB, indexes {indexes:,.1f} MB, live {live:,.1f} MB, dead {dead:,} rows"
        print(f"day {day:2} {table:17} {sizes}", flush=True)


def measure_polls(database: Database, name: str, published: int) -> None:
    with database.connect("app") as application:
        outbox.add_messages(application, [message(name, number) for number in range(PART)])
    with database.connect() as owner:
        owner.execute("TRUNCATE outbox_published")
        owner.execute("VACUUM ANALYZE outbox_waiting")
    alone = poll_milliseconds(database)
    with database.connect() as owner:
        owner.execute("SET statement_timeout TO 0")
        for first in range(0, published, 100_000):
            owner.execute(
                """
                INSERT INTO outbox (topic, key, headers, value, aggregate, published_at)
                SELECT 'events', 'key', '[["ce_id", "1"]]', convert_to(repeat('x', 250), 'UTF8'), 'a' || n %% 100, now()
                FROM generate_series(1, %s) AS n
                """,
                (min(100_000, published - first),),
            )
    beside = poll_milliseconds(database)
    for label, several in (("alone", alone), (f"beside {published:,} published rows", beside)):
        quarters = statistics.quantiles(several, n=100)
        print(f"poll {label}: p50 {quarters[49]:.2f} ms, p99 {quarters[98]:.2f} ms", flush=True)
    print(f"poll ratio of medians {statistics.median(beside) / statistics.median(alone):.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=60_000)
    events: int = parser.parse_args().events
    telemetry.publish = lambda *_, **__: None
    print(describe())
    with activity_database() as database, topic() as name:
        os.environ["DATABASE_URL_ACTIVITY"] = database.url("relay")
        with psycopg.connect(database.server, autocommit=True) as server:
            server.execute("ALTER SYSTEM SET autovacuum_naptime = '1s'")
            server.execute("SELECT pg_reload_conf()")
        started = time.perf_counter()
        for day in range(1, DAYS + 1):
            live_through(database, name, DAYS - day, events // DAYS)
            if day in (1, FULL_DAY, DAYS):
                report(day, database)
        [(events,)] = database.rows("SELECT last_value FROM outbox_id_seq")
        print(f"{events:,} events in {time.perf_counter() - started:,.0f} s")
        measure_polls(database, name, 5 * events)


if __name__ == "__main__":
    main()
