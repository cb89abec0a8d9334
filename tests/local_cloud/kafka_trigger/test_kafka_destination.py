"""The destination on a Kafka topic keeps the sequence of a key, and every record (D-order, R17)."""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from millrace_plugin.kafka_trigger.destinations.kafka import ROUND_BYTES, KafkaDestination, Message, rounds
from millrace_plugin.kafka_trigger.failure import DeliveryError, Failure
from millrace_plugin.kafka_trigger.payload import Encoder
from millrace_plugin.kafka_trigger.settings import Settings
from tests.kit.slow_broker import StoppableBroker
from tests.local_cloud.kafka_trigger.conftest import FUNCTION_ARN, Topic

NewTopic = Callable[..., Topic]
ENCODER = Encoder("source", 0)
RECORDS = 300
EXPIRATIONS = 4  # at most: a fast machine gets all through with fewer


def messages(*keys: bytes | None, size: int = 10) -> list[Message]:
    return [Message(key, {"number": number, "text": "x" * size}) for number, key in enumerate(keys)]


def numbers(batches: Iterator[list[Message]]) -> list[list[int]]:
    return [[message.document["number"] for message in batch] for batch in batches]


def failure(*records: tuple[bytes | None, int]) -> Failure:
    """Return a failure of records with these keys and value sizes."""
    made = [
        ENCODER.record(offset, 0, "CREATE_TIME", key, b"x" * size, None) for offset, (key, size) in enumerate(records)
    ]
    return Failure(0, made, "RetriesExhausted", 1, None)


@contextlib.contextmanager
def destination(topic: Topic) -> Iterator[KafkaDestination]:
    made = KafkaDestination(Settings("uuid-1", FUNCTION_ARN, "source", "g", topic.bootstrap, None), topic.name)
    try:
        yield made
    finally:
        made.close()


def delivered(topic: Topic, count: int) -> list[tuple[int, Any]]:
    """Return offset and payload of the first *count* messages of the topic."""
    documents = [json.loads(message.value()) for message in topic.read(count)]
    return [(int(each["KafkaBatchInfo"]["recordInfo"]["offset"]), each["payload"]) for each in documents]


def test_d_order_a_round_holds_no_key_twice() -> None:
    """Different keys and messages without a key share a round; order is kept."""
    assert numbers(rounds(messages(b"a", b"b", None, None, b"a", b"a", b"c"))) == [[0, 1, 2, 3], [4], [5, 6]]
    assert numbers(rounds([])) == []


def test_d_order_a_round_is_limited_by_bytes() -> None:
    """A message larger than a round goes alone."""
    third = messages(None, None, None, None, None, size=ROUND_BYTES // 3)
    assert numbers(rounds(third)) == [[0, 1], [2, 3], [4]]
    assert numbers(rounds(messages(b"a", b"b", size=2 * ROUND_BYTES))) == [[0], [1]]


def test_d_order_a_message_that_is_refused_has_nothing_of_its_key_behind_it(topic: Topic) -> None:
    """The first is too large for the topic: it goes without its payload, and before the others of its key."""
    with destination(topic) as kafka:
        kafka.deliver(failure((b"a", 900_000), (b"a", 10), (b"a", 10)))
    assert [(offset, bool(payload)) for offset, payload in delivered(topic, 3)] == [(0, False), (1, True), (2, True)]


def test_a_message_keeps_its_payload_if_only_its_batch_was_too_large(new_topic: NewTopic) -> None:
    """Ten messages of 15 kB fit the topic one by one, though not together."""
    topic = new_topic(max_message_bytes="20000")
    with destination(topic) as kafka:
        kafka.deliver(failure(*[(b"%d" % number, 10_000) for number in range(10)]))
    assert all(payload["records"]["source-0"] for _, payload in delivered(topic, 10))


def expirations(kafka: KafkaDestination, failed: Failure) -> Iterator[DeliveryError]:
    """Deliver as a mapping does, the rest again after each error. Yields the errors."""
    left = failed
    while left.records:
        try:
            kafka.deliver(left)
        except DeliveryError as error:
            left = Failure(0, left.records[error.delivered :], left.condition, left.attempts, None)
            yield error
        else:
            return


def test_d_order_holds_on_a_broker_that_is_slower_than_the_timeouts(
    stoppable_broker: StoppableBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages expire while the broker is stopped and are sent again, and no key goes backwards."""
    for name, seconds in (("REQUEST_SECONDS", 1), ("DELIVERY_SECONDS", 2), ("FLUSH_SECONDS", 4)):
        monkeypatch.setattr(f"millrace_plugin.kafka_trigger.destinations.kafka.{name}", seconds)
    topic = Topic(stoppable_broker.bootstrap)
    failed = failure(*[(b"%d" % (number % 3), 30_000) for number in range(RECORDS)])
    with destination(topic) as kafka, contextlib.ExitStack() as slowing:
        for _ in expirations(kafka, failure((b"first", 1))):
            pass
        slowing.enter_context(stoppable_broker.slowed(stopped=2.5, runs=0.3))
        expired = 0
        for _ in expirations(kafka, failed):
            expired += 1
            if expired == EXPIRATIONS:
                slowing.close()
    assert expired > 0, "nothing has expired"
    assert_keys_never_go_backwards(topic, set(range(RECORDS)))


def assert_keys_never_go_backwards(topic: Topic, expected: set[int]) -> None:
    highest: dict[bytes, int] = {}
    seen = set()
    for message in topic.read_all():
        offset = int(json.loads(message.value())["KafkaBatchInfo"]["recordInfo"]["offset"])
        assert offset >= highest.get(message.key(), -1), f"{message.key()!r}: {offset} after {highest[message.key()]}"
        highest[message.key()] = offset
        seen.add(offset)
    assert seen == expected
