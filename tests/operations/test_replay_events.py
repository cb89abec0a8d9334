"""Events that are published again: what is chosen, whom it reaches, and that a killed task goes on without a gap."""

import gzip
import random
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Message, Producer

from kernel.messaging import envelope
from kernel.messaging.log_record import LogRecord
from operations import consumers, list_tasks, replay_events
from operations.consumers import Consumer
from tests.kit import operation_process, operations, topics
from tests.kit.archives import OwnArchive
from tests.kit.lambda_events import Context
from tests.kit.servers import wait_until

pytestmark = pytest.mark.usefixtures("operations", "brokers")


def produce(bootstrap: str, topic: str, count: int, partitions: int = 1, size: int = 0) -> None:
    """Publish *count* records of *size* bytes or a few more, of which every key's are in one partition."""
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 50})
    for number in range(count):
        key = f"key-{number % 7}"
        headers = [
            ("ce_id", str(uuid4()).encode()),
            ("ce_type", b"even" if number % 2 == 0 else b"odd"),
            ("h", b"\xff"),
        ]
        value = b'{"number": %d}' % number + b" " * size
        producer.produce(topic, value, key.encode(), partition=number % 7 % partitions, headers=headers)
    producer.flush()


def content(message: Message) -> tuple[Any, ...]:
    own = [(name, value or b"") for name, value in message.headers() or [] if not name.startswith("replay_")]
    return message.partition(), message.key(), message.value(), own


def by_partition(messages: list[Message]) -> list[tuple[Any, ...]]:
    """What *messages* contain, partition by partition, each in its order."""
    return sorted(map(content, messages), key=lambda each: int(each[0]))


def published(bootstrap: str, topic: str) -> int:
    return sum(topics.ends(bootstrap, topic).values())


@pytest.fixture
def source(own_topic: Callable[[], str]) -> str:
    return own_topic()


@pytest.fixture
def target(own_topic: Callable[[], str]) -> str:
    return own_topic()


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
    assert by_partition(published) == by_partition(topics.read(brokers, source))
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
    assert by_partition(topics.read(brokers, target)) == by_partition(topics.read(brokers, source))


def test_large_records_are_all_replayed(brokers: str, source: str, target: str) -> None:
    """Kafka takes a megabyte at a time, which is less than a batch of the task: the rest of it follows."""
    produce(brokers, source, 1_500, partitions=3, size=3_000)

    result = operations.run(replay_events.handler, topic=source, to=target, execute=True, expect=1_500)

    assert (result["state"], result["published"]) == ("done", 1_500)
    assert by_partition(topics.read(brokers, target)) == by_partition(topics.read(brokers, source))


def test_a_record_that_the_target_refuses_ends_the_task_before_it(brokers: str, source: str, target: str) -> None:
    """Nothing is left out in silence: the task has failed, says why, and goes on once the topic takes the record.

    Of its partition nothing has passed it. What other partitions have by then is not published again.
    """
    produce(brokers, source, 10, partitions=3)
    produce(brokers, source, 1, partitions=3, size=30_000)
    produce(brokers, source, 10, partitions=3)
    topics.configure(brokers, target, max_message_bytes="20000")

    result = operations.run(replay_events.handler, topic=source, to=target, execute=True, expect=21)

    assert (result["state"], result["published"]) == ("failed", 10)
    assert f"{target} refuses the next record" in result["explanation"]
    topics.configure(brokers, target, max_message_bytes="100000")
    [task] = operations.run(list_tasks.handler)
    cursor = {"command": task["command"], "at": {"task": str(task["id"])}, "done": task["done"], "total": 21}
    assert operations.finish(replay_events.handler, cursor)["state"] == "done"
    assert by_partition(topics.read(brokers, target)) == by_partition(topics.read(brokers, source))


def test_replays_what_the_archive_has_after_the_topic_has_forgotten_it(archive: OwnArchive) -> None:
    """Byte for byte, from the files to the topic."""
    archive.produce(0, 250)
    archive.produce(2, 120)
    archive.run()
    before = by_partition(topics.read(archive.bootstrap, archive.topic))
    archive.delete_before(0, 250)
    archive.delete_before(2, 120)

    result = operations.run(replay_events.handler, topic=archive.topic, source="archive", execute=True, expect=370)

    assert result["state"] == "done"
    assert by_partition(topics.read(archive.bootstrap, archive.topic)) == before


def test_replays_a_file_of_lines(archive: OwnArchive) -> None:
    """In the order of its lines."""
    records = [LogRecord("elsewhere", 5, number, 1, b"k", b"%d" % number, [("h", None)]) for number in range(30)]
    body = gzip.compress(b"".join(envelope.encode(each) + b"\n" for each in records))
    archive.client.put_object(Bucket=archive.name, Key="replays/mine.jsonl.gz", Body=body)

    operations.run(replay_events.handler, topic=archive.topic, source="file", file="mine", execute=True, expect=30)

    published = topics.read(archive.bootstrap, archive.topic)
    assert [each.value() for each in published] == [each.value for each in records]
    assert published[0].headers()[0] == ("h", b"")


@pytest.mark.parametrize(
    ("command", "field", "told"),
    [
        ({"topic": "order-events-payments-dlq"}, "topic", "dead-letters redrive"),
        ({"topic": "orders"}, "topic", "none of the application's topics"),
        ({"topic": "order-events", "to": "orders"}, "to", "none of the application's topics"),
        ({"topic": "order-events", "consumer": "orders.on_payment_events"}, "consumer", "does not read order-events"),
        ({"topic": "order-events", "consumer": "payments.on_order_events"}, "consumer", "--with-effects"),
        ({"topic": "order-events", "source": "file"}, "file", "source `file` needs one"),
        ({"topic": "order-events", "rate": "200"}, "rate", "e.g. 1/s"),
        ({"topic": "order-events", "min_success": "99%"}, "min_success", "--canary"),
        ({"topic": "order-events", "group": "1f2e"}, "group", "dead letters"),
        ({"topic": "order-events", "where": "@.value.amount >"}, "where", "no JSONPath"),
    ],
)
def test_what_would_have_no_effect_is_refused(command: dict[str, object], field: str, told: str) -> None:
    """Nothing is done, and the message says what to do instead."""

    answer = replay_events.handler(command, Context(milliseconds=operations.LONGEST))

    assert [each["path"] for each in answer["error"]["fields"]] == [field]
    assert told in answer["error"]["fields"][0]["message"]


@pytest.mark.parametrize(
    ("offsets", "told"),
    [
        ("0:1", "partition:first-last"),
        ("0:a-b", "partition:first-last"),
        ("9:1-2", "there is no partition 9"),
        ("0:1-99", "has the offsets 0 to 9"),
        ("1:0-", "has the offsets none"),
    ],
)
def test_offsets_that_are_not_there_are_refused(
    offsets: str, told: str, own_topic: Callable[[], str], brokers: str
) -> None:
    """Instead of replaying less than was asked for."""
    topic = own_topic()
    produce(brokers, topic, 10)

    answer = replay_events.handler({"topic": topic, "offsets": offsets}, Context(milliseconds=operations.LONGEST))

    assert told in answer["error"]["fields"][0]["message"]


def test_only_the_chosen_offsets_are_replayed(source: str, target: str, brokers: str) -> None:
    produce(brokers, source, 30, partitions=3)

    operations.run(replay_events.handler, topic=source, to=target, offsets="0:2-4,2:-1", execute=True, expect=5)

    assert {(each.partition(), each.value()) for each in topics.read(brokers, target)} == {
        (each.partition(), each.value())
        for each in topics.read(brokers, source)
        if (each.partition() == 0 and 2 <= each.offset() <= 4) or (each.partition() == 2 and each.offset() <= 1)
    }


def test_events_that_an_inbox_has_forgotten_are_refused(
    own_topic: Callable[[], str], brokers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For consumers that would apply them twice; the message names them and what to do."""
    topic = own_topic()
    produced = Producer({"bootstrap.servers": brokers})
    produced.produce(topic, b"{}", b"k", timestamp=1_000)
    produced.flush()
    several = [Consumer("a.on_b", "AOnB", topic, "a-b", "c", [], False, 1, False, False)]  # noqa: FBT003 - as in the file
    monkeypatch.setattr(consumers, "of_topic", lambda _: several)

    answer = replay_events.handler({"topic": topic}, Context(milliseconds=operations.LONGEST))

    assert "a.on_b would apply it twice" in answer["error"]["message"]
