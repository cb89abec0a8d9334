"""What a rebalance costs a mapping: the longest pause and the records delivered twice, and the throughput without one.

To compare with another commit, run it a second time with that commit's `localstack` folder in PYTHONPATH.
"""

import json
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from millrace_local.servers.kafka import Kafka
from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.mapping import KafkaMapping
from millrace_plugin.kafka_trigger.settings import Settings
from tests.benchmarks import machine
from tests.kit.servers import free_instance, running, wait_until
from tests.local_cloud.kafka_trigger.conftest import no_clients

PARTITIONS = 4
RECORDS_PER_SECOND = 50
SETTLING_SECONDS = 3
OBSERVED_SECONDS = 12
BACKLOG = 200_000


class Deliveries:
    """An invoker that takes *seconds*, and notes when each record was delivered."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.times: dict[str, list[float]] = defaultdict(list)
        self.counts: dict[tuple[str, int], int] = defaultdict(int)
        self._lock = threading.Lock()

    def invoke(self, payload: bytes) -> Answer:
        event = json.loads(payload)
        time.sleep(self.seconds)
        with self._lock:
            now = time.monotonic()
            for label, records in event["records"].items():
                self.times[label].append(now)
                for record in records:
                    self.counts[label, record["offset"]] += 1
        return Answer(b"null")

    def longest_pause(self, labels: list[str], begin: float, end: float) -> float:
        """Return the longest time without a delivery of any of *labels* between two moments."""
        moments = [[begin, *(each for each in self.times[label] if begin <= each <= end), end] for label in labels]
        return max(after - before for each in moments for before, after in pairwise(each))

    def repeated(self) -> int:
        return sum(count - 1 for count in self.counts.values())


class Counting:
    """An invoker that counts records and does nothing else."""

    def __init__(self) -> None:
        self.records = 0
        self._lock = threading.Lock()

    def invoke(self, payload: bytes) -> Answer:
        with self._lock:
            self.records += payload.count(b'"offset":')
        return Answer(b"null")


def main() -> None:
    home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
    instance = free_instance(Path(home.name))
    with home, running(Kafka(), instance):
        bootstrap = instance.kafka_bootstrap
        print(f"machine     {machine.describe()}")
        print(f"trigger of  {sys.modules['millrace_local'].__path__[0]}")
        rates = [throughput(bootstrap) for _ in range(3)]
        print(f"throughput  {max(rates):10,.0f} records/s, best of {len(rates)}")
        for seconds in (0.005, 3.0):
            for name, change in CHANGES.items():
                pause, repeated = cost(bootstrap, seconds, change)
                print(f"invocations of {seconds:5.3f} s, {name:22} longest pause {pause:6.2f} s, {repeated:4} repeated")


def cost(bootstrap: str, seconds: float, change: "Change") -> tuple[float, int]:
    """Measure *change* on a mapping that is delivered records all the time."""
    topic, settings = make_topic(bootstrap)
    deliveries = Deliveries(seconds)
    with written(bootstrap, topic), mapping(settings, deliveries):
        wait_until(lambda: len(deliveries.times) == PARTITIONS, seconds=60)
        begin, end = change(settings, deliveries)
        labels = [f"{topic}-{number}" for number in range(PARTITIONS)]
        return deliveries.longest_pause(labels, begin, end), deliveries.repeated()


def nothing(_settings: Settings, _deliveries: Deliveries) -> tuple[float, float]:
    begin = time.monotonic()
    return begin, observe(begin)


def add_partitions(settings: Settings, _deliveries: Deliveries) -> tuple[float, float]:
    time.sleep(SETTLING_SECONDS)
    begin = time.monotonic()
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    admin.create_partitions([NewPartitions(settings.topic, PARTITIONS + 2)])[settings.topic].result(10)
    return begin, observe(begin)


def join_and_leave(settings: Settings, deliveries: Deliveries) -> tuple[float, float]:
    time.sleep(SETTLING_SECONDS)
    begin = time.monotonic()
    with mapping(settings, deliveries):
        observe(begin)
    return begin, observe(time.monotonic())


Change = Callable[[Settings, Deliveries], tuple[float, float]]
CHANGES: dict[str, Change] = {
    "nothing happens": nothing,
    "two partitions added": add_partitions,
    "a member comes, goes": join_and_leave,
}


def observe(since: float) -> float:
    while time.monotonic() < since + OBSERVED_SECONDS:
        time.sleep(0.1)
    return time.monotonic()


def throughput(bootstrap: str) -> float:
    topic, settings = make_topic(bootstrap, batch_size=1000)
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5})
    for number in range(BACKLOG):
        producer.produce(topic, b"x" * 320, partition=number % PARTITIONS, headers={"a": b"1", "b": b"2"})
        producer.poll(0)
        if number % 10_000 == 0:
            producer.flush()
    producer.flush()
    counting = Counting()
    with mapping(settings, counting):
        wait_until(lambda: counting.records, seconds=60)
        began, first = time.perf_counter(), counting.records
        wait_until(lambda: counting.records >= BACKLOG, seconds=120)
        return (BACKLOG - first) / (time.perf_counter() - began)


def make_topic(bootstrap: str, batch_size: int = 100) -> tuple[str, Settings]:
    topic = f"rebalance-{uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, PARTITIONS, 1)])[topic].result(10)
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    return topic, Settings(str(uuid4()), arn, topic, f"group-{topic}", bootstrap, None, batch_size, 0)


@contextmanager
def mapping(settings: Settings, invoker: Deliveries | Counting) -> Iterator[None]:
    running_one = KafkaMapping(settings, invoker, lambda _: None, no_clients)
    running_one.start()
    try:
        yield
    finally:
        running_one.stop()
        running_one.join(60)


@contextmanager
def written(bootstrap: str, topic: str) -> Iterator[None]:
    """Write to every partition all the time."""
    stopping = threading.Event()
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0})

    def write() -> None:
        while not stopping.wait(1 / RECORDS_PER_SECOND):
            for number in range(PARTITIONS):
                producer.produce(topic, b"value", partition=number)
            producer.poll(0)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
        producer.flush()


if __name__ == "__main__":
    main()
