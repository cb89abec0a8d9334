"""Records are found in topics by what is in them, byte for byte, oldest or newest first, in parts that can be resumed."""

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from kernel import ids
from kernel.messaging import envelope
from operations import find_events, searching, topics
from tests.kit import operations
from tests.kit import topics as kit
from tests.kit.archives import OwnArchive
from tests.kit.lambda_events import Context


@pytest.fixture
def topic(brokers: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """One of the application's topics, with three partitions."""
    name = kit.create(brokers, partitions=3)
    monkeypatch.setattr(topics, "names", lambda: [name, f"{name}-dlq"])
    return name


def produce(bootstrap: str, topic: str, count: int, **headers: str) -> list[str]:
    """Publish *count* events of two types, and return their ids."""
    producer, made = Producer({"bootstrap.servers": bootstrap}), []
    now = round(time.time() * 1000)
    for number in range(count):
        id_ = str(ids.new())
        given = {"ce_id": id_, "ce_type": "even" if number % 2 == 0 else "odd", **headers}
        value = json.dumps({"number": number}).encode()
        producer.produce(
            topic, value, f"k{number % 7}".encode(), number % 3, timestamp=now + number, headers=list(given.items())
        )
        made.append(id_)
    assert producer.flush(20) == 0
    return made


def found(**command: object) -> list[dict[str, Any]]:
    return [json.loads(line) for line in operations.run(find_events.handler, **command)["lines"]]


def numbers(**command: object) -> list[int]:
    return [json.loads(each["value"])["number"] for each in found(**command)]


def test_everything_of_a_topic_comes_in_the_order_of_time(brokers: str, topic: str) -> None:
    """Or against it, and no more than is asked for."""
    produce(brokers, topic, 30)

    assert numbers(topic=topic) == list(range(30))
    assert numbers(topic=topic, newest=True, max=4) == [29, 28, 27, 26]
    assert numbers(max=2) == [0, 1]


def test_an_event_is_found_by_its_id_its_key_its_correlation_and_its_value(brokers: str, topic: str) -> None:
    """Also one without headers, by the id in its value."""
    first = produce(brokers, topic, 20)
    produce(brokers, topic, 3, ce_correlationid="request-1")
    bare = str(uuid4())
    producer = Producer({"bootstrap.servers": brokers})
    producer.produce(topic, json.dumps({"eventId": bare, "number": 99}).encode())
    producer.flush()

    assert numbers(id=first[7]) == [7]
    assert numbers(id=bare) == [99]
    assert numbers(correlation="request-1") == [0, 1, 2]
    assert numbers(topic=topic, key="k3", type="odd") == [3, 17]
    assert numbers(topic=topic, where="@.value.number > 17") == [18, 19, 99]
    assert numbers(since=(datetime.now(UTC) + timedelta(minutes=1)).isoformat()) == []


def test_a_line_is_the_record_byte_for_byte(brokers: str, topic: str) -> None:
    """So that it can be published again."""
    producer = Producer({"bootstrap.servers": brokers})
    producer.produce(topic, b"\xff\x00", b"\xfe", 1, headers=[("h", b"\xfd"), ("h", None)])
    producer.flush()

    [line] = operations.run(find_events.handler, topic=topic)["lines"]

    record = envelope.decode(line.encode())
    assert (record.partition, record.key, record.value) == (1, b"\xfe", b"\xff\x00")
    assert record.headers == [("h", b"\xfd"), ("h", None)]


def test_a_large_topic_is_searched_part_by_part(brokers: str, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part says how far it is, and no record is missing or comes twice."""
    monkeypatch.setattr(searching, "CHUNK", 10)
    monkeypatch.setattr(find_events, "ANSWER_BYTES", 600)
    produce(brokers, topic, 100)
    lines: list[str] = []
    answer = operations.part(find_events.handler, topic=topic, where="@.value.number != 50")
    while answer["next"]:
        lines += answer["result"]["lines"]
        assert answer["total"] == 100
        answer = operations.part(find_events.handler, answer["next"])
    lines += answer["result"]["lines"]

    assert [json.loads(json.loads(line)["value"])["number"] for line in lines] == [*range(50), *range(51, 100)]


def test_an_answer_holds_no_more_than_it_can(brokers: str, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much time is left."""
    monkeypatch.setattr(find_events, "ANSWER_BYTES", 1000)
    produce(brokers, topic, 40)

    answer = find_events.handler({"topic": topic}, Context(milliseconds=operations.LONGEST))

    assert answer["next"] is not None
    assert 1000 < sum(map(len, answer["result"]["lines"])) < 2000


def test_a_topic_is_followed_from_its_end_on(brokers: str, topic: str) -> None:
    """By the positions of the last answer; what is deleted meanwhile is passed over."""
    produce(brokers, topic, 5)
    begun = operations.run(find_events.handler, topic=topic, after="end")
    assert begun["lines"] == []

    produce(brokers, topic, 2)
    followed = operations.run(find_events.handler, topic=topic, after=begun["positions"])
    assert len(followed["lines"]) == 2
    assert operations.run(find_events.handler, topic=topic, after=followed["positions"])["lines"] == []


def test_dead_letters_are_searched_when_they_are_asked_for(brokers: str, topic: str) -> None:
    """Otherwise a search through all topics leaves them out."""
    dead, admin = f"{topic}-dlq", AdminClient({"bootstrap.servers": brokers})
    admin.create_topics([NewTopic(dead, 3, 1)])[dead].result(10)
    produce(brokers, dead, 1)

    assert numbers(max=5) == []
    assert numbers(dead_letters=True) == [0]
    assert numbers(topic=dead) == [0]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ({"topic": "elsewhere"}, "is none of the application's"),
        ({"offsets": "0:1-2"}, "needs the topic"),
        ({"after": "yesterday"}, "must be end, or positions by partition"),
        ({"group": "0a1b"}, "is the cause of dead letters"),
        ({"where": "@.value >"}, "is no JSONPath"),
    ],
)
def test_an_option_that_is_wrong_is_named(topic: str, command: dict[str, object], told: str) -> None:
    """With what to do instead."""
    answer = find_events.handler(command, Context(milliseconds=operations.LONGEST))

    assert told in str(answer["error"])
    assert topic


def test_the_archive_is_searched_in_the_same_way(brokers: str, topic: str, archive: OwnArchive) -> None:
    """Also what the topic has no longer."""
    made = produce(brokers, topic, 30)
    archive.run()
    archive.delete_before(1, 10)

    assert numbers(topic=topic, source="archive") == list(range(30))
    assert numbers(source="archive", id=made[1]) == [1]
