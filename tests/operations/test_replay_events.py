"""Events that are published again: what is chosen, whom it reaches, and that a killed task goes on without a gap."""

import random
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Message, Producer

from operations import replay_events
from tests.kit import operation_process, operations, topics
from tests.kit.servers import wait_until

pytestmark = pytest.mark.usefixtures("operations", "brokers")


def produce(bootstrap: str, topic: str, count: int, partitions: int = 1) -> None:
    """Publish *count* records, of which every key's are in one partition."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50})
    for number in range(count):
        key = f"key-{number % 7}"
        headers = [
            ("ce_id", str(uuid4()).encode()),
            ("ce_type", b"even" if number % 2 == 0 else b"odd"),
            ("h", b"\xff"),
        ]
        value = b'{"number": %d}' % number
        producer.produce(topic, value, key.encode(), partition=number % 7 % partitions, headers=headers)
    producer.flush()


def content(message: Message) -> tuple[Any, ...]:
    own = [(name, value) for name, value in message.headers() or [] if not name.startswith("replay_")]
    return message.partition(), message.key(), message.value(), own


def published(bootstrap: str, topic: str) -> int:
    return sum(topics.ends(bootstrap, topic).values())


@pytest.fixture
def source(brokers: str) -> str:
    return topics.create(brokers, partitions=3)


@pytest.fixture
def target(brokers: str) -> str:
    return topics.create(brokers, partitions=3)


def test_without_execute_nothing_is_published(brokers: str, source: str, target: str) -> None:
    """The plan counts by topic, type and key, and says how long it takes."""
    produce(brokers, source, 21, partitions=3)

    plan = operations.run(replay_events.handler, topic=source, to=target, type="even", rate="11/s")

    assert plan["count"] == 11
    assert plan["topics"] == {source: 11}
    assert plan["types"] == {"even": 11}
    assert plan["keys"]["different"] == 7
    assert plan["expected_seconds"] == 1
    assert topics.read(brokers, target) == []


def test_publishes_what_was_published_byte_for_byte(brokers: str, source: str, target: str) -> None:
    """Keys, values, headers and partitions are the same, each partition in its order; only `replay_id` is added."""
    produce(brokers, source, 500, partitions=3)

    result = operations.run(replay_events.handler, topic=source, to=target, execute=True, expect=500)

    assert result["state"] == "done"
    assert result["published"] == 500
    published = topics.read(brokers, target)
    assert list(map(content, published)) == list(map(content, topics.read(brokers, source)))
    assert {dict(message.headers())["replay_id"] for message in published} == {str(result["task"]).encode()}


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_task_goes_on_without_a_gap_and_without_a_repeat(
    seed: int, brokers: str, source: str, target: str
) -> None:
    """SIGKILL at random counts, and right before a checkpoint: what had reached the topic is found there."""
    produce(brokers, source, 5_000, partitions=3)
    begun = operations.part(replay_events.handler, topic=source, to=target, execute=True, rate="2000/s")
    cursor = {"cursor": begun["next"]}
    for count in sorted(random.Random(seed).sample(range(4_000), 3)):  # noqa: S311 - no secret
        process = operation_process.start("operations.replay_events", cursor)
        wait_until(lambda: published(brokers, target) >= count, seconds=60, what=f"{count} events")  # noqa: B023 - called at once
        process.kill()
        process.wait()
    assert (
        operation_process.start("operations.replay_events", cursor, dies_in="operations.task_store.advance").wait() == 9
    )

    result = operations.finish(replay_events.handler, begun["next"])

    assert (result["state"], result["published"]) == ("done", 5_000)
    assert list(map(content, topics.read(brokers, target))) == list(map(content, topics.read(brokers, source)))
