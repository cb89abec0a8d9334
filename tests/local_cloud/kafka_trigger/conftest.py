"""Run mappings on the session's real broker, with functions of the tests."""

import contextlib
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any
from uuid import uuid4

import boto3
import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from millrace_local.instance import ACCOUNT, REGION, Instance
from millrace_plugin.kafka_trigger import backoff, reporter, retry
from millrace_plugin.kafka_trigger.clients import Client, Clients
from millrace_plugin.kafka_trigger.mapping import KafkaMapping
from millrace_plugin.kafka_trigger.settings import Settings
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.fake_function import FakeFunction

Parameter = Any  # passed on as it is to what checks it
FUNCTION_ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


def no_clients(service: str, account: str, region: str) -> Client:
    """Refuse to reach any service of AWS."""
    raise AssertionError(f"{service} of {account} in {region} is not expected to be used")


class Services:
    """Clients of LocalStack's services, which take the account from the access key."""

    def __init__(self, localstack: Instance) -> None:
        self._url = localstack.localstack_url

    def __call__(self, service: str, account: str = ACCOUNT, region: str = REGION) -> Client:
        keys = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=self._url, region_name=region, **keys)


class Topic:
    """A topic of one test, with a client that writes to it and reads from the broker."""

    def __init__(self, bootstrap: str, partitions: int = 1, **config: str) -> None:
        self.bootstrap = bootstrap
        self.name = f"topic-{uuid4().hex[:12]}"
        self.admin = AdminClient({"bootstrap.servers": bootstrap})
        self._producer = self._new_producer()
        if partitions:
            self.create(partitions, **config)

    def create(self, partitions: int, **config: str) -> None:
        topic = NewTopic(
            self.name, partitions, 1, config={key.replace("_", "."): value for key, value in config.items()}
        )
        self.admin.create_topics([topic])[self.name].result(10)
        self._producer = self._new_producer()

    def delete(self) -> None:
        self.admin.delete_topics([self.name])[self.name].result(10)

    def recreate(self, partitions: int = 1) -> None:
        """Delete the topic and create it again at once."""
        self.delete()
        wait_until(lambda: self._is_created(partitions), what=f"{self.name} to be created again")

    def add_partitions(self, total: int) -> None:
        """Return when the broker tells clients of the new ones, which is later than it answers."""
        self.admin.create_partitions([NewPartitions(self.name, total)])[self.name].result(10)
        wait_until(lambda: self._partitions() == total, what=f"{total} partitions of {self.name}")
        self._producer = self._new_producer()

    def label(self, partition: int = 0) -> str:
        return f"{self.name}-{partition}"

    def write(self, count: int, partition: int = 0, value: bytes | None = b"value", **options: Parameter) -> None:
        for _ in range(count):
            self._producer.produce(self.name, value, partition=partition, **options)
        assert self._producer.flush(10) == 0

    def read(self, count: int) -> list[Any]:
        """Return the first *count* messages of partition 0."""
        with self._consumer("reader-" + uuid4().hex) as consumer:
            consumer.assign([TopicPartition(self.name, 0, 0)])
            messages: list[Any] = []
            for _ in range(100):
                messages += consumer.consume(count - len(messages), 0.1)
                if len(messages) == count:
                    return messages
        raise AssertionError(f"{len(messages)} of {count} messages are in {self.name}")

    def read_all(self, partition: int = 0) -> list[Any]:
        """Return all messages of a partition that nobody writes to any more."""
        with self._consumer("reader-" + uuid4().hex) as consumer:
            where = TopicPartition(self.name, partition, 0)
            _, end = consumer.get_watermark_offsets(where, timeout=10)
            consumer.assign([where])
            messages: list[Any] = []
            while not messages or messages[-1].offset() < end - 1:
                messages += consumer.consume(1_000, 0.1)
            return messages

    def committed(self, group: str, partition: int = 0) -> int:
        """Return the group's committed offset, negative if there is none."""
        with self._consumer(group) as consumer:
            asked = [TopicPartition(self.name, partition)]
            return int(retry.until_ready(lambda: consumer.committed(asked, timeout=10))[0].offset)

    def _partitions(self) -> int:
        return len(self.admin.list_topics(self.name, timeout=10).topics[self.name].partitions)

    def _is_created(self, partitions: int) -> bool:
        """Create the topic; false while the brokers still delete one of its name."""
        try:
            self.create(partitions)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            return False
        return True

    def _new_producer(self) -> Producer:
        """Return a producer that knows nothing of an earlier topic of this name."""
        return Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 0, "message.max.bytes": 30_000_000})

    @contextlib.contextmanager
    def _consumer(self, group: str) -> Iterator[Consumer]:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": group, "enable.auto.commit": False})
        try:
            yield consumer
        finally:
            consumer.close()


class Mappings:
    """Start mappings, and stop those that the test has not stopped."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._running: list[KafkaMapping] = []
        self.results: list[str] = []
        """Every LastProcessingResult reported, in order."""

    def settings(self, topic: str, **settings: Parameter) -> Settings:
        defaults: dict[str, Parameter] = {
            "uuid": str(uuid4()),
            "function_arn": FUNCTION_ARN,
            "source_arn": None,
            "bootstrap": self._bootstrap,
        }
        defaults["group"] = f"group-{uuid4().hex}"
        return Settings(topic=topic, **(defaults | {"window_seconds": 0} | settings))

    def start(
        self,
        topic: Topic,
        function: FakeFunction,
        clients: Clients = no_clients,
        report_seconds: float = reporter.SECONDS,
        **settings: Parameter,
    ) -> KafkaMapping:
        """Start a mapping and wait until its starting position is fixed."""
        return self.run(self.settings(topic.name, **settings), function, clients, report_seconds)

    def run(
        self,
        settings: Settings,
        function: FakeFunction,
        clients: Clients = no_clients,
        report_seconds: float = reporter.SECONDS,
    ) -> KafkaMapping:
        mapping = KafkaMapping(settings, function, self.results.append, clients, report_seconds)
        started = Event()
        self._running.append(mapping)
        mapping.start(started.set)
        assert started.wait(20), "the mapping did not start"
        return mapping

    def stop(self) -> None:
        for mapping in self._running:
            mapping.stop()
        for mapping in self._running:
            assert mapping.join(30), f"{mapping.settings.topic} does not stop"


@pytest.fixture
def new_topic(kafka: str) -> Callable[..., Topic]:
    def make(partitions: int = 1, **config: str) -> Topic:
        return Topic(kafka, partitions, **config)

    return make


@pytest.fixture
def topic(kafka: str) -> Topic:
    return Topic(kafka)


@pytest.fixture
def mappings(kafka: str) -> Iterator[Mappings]:
    """Start mappings on *kafka*, which are stopped after the test."""
    started = Mappings(kafka)
    yield started
    started.stop()


@pytest.fixture
def services(localstack: Instance) -> Services:
    return Services(localstack)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry after milliseconds, for tests that do not depend on the back-off."""
    monkeypatch.setattr(backoff, "FIRST_SECONDS", 0.02)
    monkeypatch.setattr(backoff, "LONGEST_SECONDS", 0.1)
