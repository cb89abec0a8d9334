"""What live events wait while a large backlog is replayed to their topic: with `--live-p99 1.5x`, and without a brake.

On the local cloud, 50 live events a second all the time. The replayed events are new to the consumer, which applies them.
Budget: p99 during the replay with the brake at most 1.5 times that without a replay.
"""

import contextlib
import json
import os
import statistics
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

import psycopg
from confluent_kafka import Producer

from operations import live_consumers
from tests.benchmarks import machine
from tests.end_to_end.history import GROUP, TOPIC, user_event
from tests.kit.cloud import Cloud, running_cloud
from tests.kit.servers import wait_until

SOURCE = "note-events"  # nobody reads it
BACKLOG, PARTITIONS = 100_000, 4
LIVE_PER_SECOND = 50
SECONDS = 60.0
BRAKE = "1.5x"


class Figures(NamedTuple):
    """*latencies*: of live events, in milliseconds. *batches*: p99 of their durations, as operators' commands read it.

    *rate*: replayed events a second.
    """

    latencies: list[float]
    batches: float | None
    rate: float


@dataclass
class Live:
    """Live traffic at a steady rate, in a thread of its own. *produced*: when each event was, by its id."""

    bootstrap: str
    produced: dict[str, float] = field(default_factory=dict)
    _ended: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._produce)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _produce(self) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0})
        while not self._ended.wait(1 / LIVE_PER_SECOND):
            event = user_event(f"live-{len(self.produced) % 100}")
            self.produced[event["eventId"]] = time.time()
            producer.produce(TOPIC, key=event["userId"].encode(), value=json.dumps(event).encode())
            producer.poll(0)
        producer.flush()

    def latencies(self, database: str, began: float, ended: float) -> list[float]:
        """Return how many milliseconds later the row of each event was written that was produced between two moments."""
        wanted = {id_: at for id_, at in self.produced.items() if began <= at < ended}
        query = (
            "SELECT id::text, extract(epoch FROM created_at AT TIME ZONE 'UTC')::float8 FROM events WHERE id = ANY(%s)"
        )
        with psycopg.connect(database, autocommit=True) as connection:

            def found() -> list[tuple[Any, ...]]:
                return connection.execute(query, [list(wanted)]).fetchall()

            wait_until(lambda: len(found()) == len(wanted), seconds=120, what="the last live event")
            return [1000 * (written - wanted[id_]) for id_, written in found()]


def main() -> None:
    with running_cloud("EventLogLevel=DEBUG") as cloud:
        os.environ |= cloud.environment() | {"STAGE": "local"}
        live = Live(cloud.instance.kafka_bootstrap)
        _produce_backlog(cloud.instance.kafka_bootstrap)
        with live.running():
            # The first invocations start processes and connections.
            wait_until(lambda: len(live.produced) > 5 * LIVE_PER_SECOND, what="live traffic")
            before = _measure(cloud, live, None)
            braked = _measure(cloud, live, {"offsets": _part(0), "live_p99": BRAKE})
            between = _measure(cloud, live, None)
            unbraked = _measure(cloud, live, {"offsets": _part(1)})
    print(f"machine                    {machine.describe()}")
    base = _p99([*before.latencies, *between.latencies])
    print(_row("live alone", before, base))
    print(_row(f"replay --live-p99 {BRAKE}", braked, base))
    print(_row("live alone again", between, base))
    print(_row("replay without a brake", unbraked, base))


def _part(half: int) -> str:
    """Return the offsets of one half of the backlog."""
    each = BACKLOG // PARTITIONS // 2
    return ",".join(f"{number}:{half * each}-{(half + 1) * each - 1}" for number in range(PARTITIONS))


def _produce_backlog(bootstrap: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "queue.buffering.max.messages": BACKLOG})
    for number in range(BACKLOG):
        event = user_event(f"bench-{number % 100}") | {"payload": {"page": "x" * 120}}
        producer.produce(SOURCE, json.dumps(event).encode(), event["userId"].encode(), number % PARTITIONS)
    assert producer.flush(60) == 0


def _measure(cloud: Cloud, live: Live, replay: dict[str, Any] | None) -> Figures:
    """Return the figures of a minute of live traffic, during which a replay runs if *replay* has its options."""
    began = time.time()
    with ThreadPoolExecutor(1) as thread:
        options = {"topic": SOURCE, "to": TOPIC, "execute": True, "reason": "measured"}
        running = thread.submit(cloud.operate, "operations.replay_events", **options, **replay) if replay else None
        if running is None:
            wait_until(lambda: time.time() > began + SECONDS, seconds=2 * SECONDS, what="a minute")
        else:
            wait_until(lambda: running.done() or time.time() > began + SECONDS, seconds=2 * SECONDS, what="the replay")
        ended = time.time()
        batches = live_consumers.p99({GROUP}, {"activity"}, ended - began)
        rate = 0.0
        if running:
            task = cast("list[dict[str, Any]]", cloud.operate("operations.list_tasks"))[0]
            rate = task["done"] / (ended - began)
            if not running.done():
                cloud.operate("operations.change_task", task=task["id"], action="pause")
                running.result()
                cloud.operate("operations.change_task", task=task["id"], action="cancel")
    return Figures(live.latencies(os.environ["DATABASE_URL_ACTIVITY"], began, ended), batches, rate)


def _p99(latencies: list[float]) -> float:
    return statistics.quantiles(latencies, n=100)[98]


def _row(what: str, figures: Figures, base: float) -> str:
    latencies = figures.latencies
    batches = "none" if figures.batches is None else f"{figures.batches:6.1f} ms"
    return (
        f"{what:<26} p50 {statistics.median(latencies):7.1f} ms   p99 {_p99(latencies):7.1f} ms"
        f"   p99 / alone {_p99(latencies) / base:5.2f}   batches p99 {batches}   replayed {figures.rate:7.0f}/s"
    )


if __name__ == "__main__":
    main()
