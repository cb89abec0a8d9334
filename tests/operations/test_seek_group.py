"""Moving a consumer's group: the plan, what is refused, and the move on a real broker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from operations import consumers, seek_group
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.operations import LONGEST, known, run
from tests.local_cloud.kafka_trigger.group_member import librdkafka_member

NAME = "blogs.on_test_events"


class Group:
    """A consumer of one test with a topic of four partitions."""

    def __init__(self, kafka: str, topic: str) -> None:
        self.kafka, self.topic, self.name = kafka, topic, f"group-{uuid4().hex[:8]}"

    def write(self, count: int, partition: int, when: datetime | None = None) -> None:
        producer = Producer({"bootstrap.servers": self.kafka})
        timestamp = int((when or datetime.now(UTC)).timestamp() * 1000)
        for _ in range(count):
            producer.produce(self.topic, b"{}", partition=partition, timestamp=timestamp)
        assert producer.flush(10) == 0

    def commit(self, **offsets: int) -> None:
        """Commit `p<number>=<offset>`."""
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.name})
        places = [TopicPartition(self.topic, int(name[1:]), offset) for name, offset in offsets.items()]
        consumer.commit(offsets=places, asynchronous=False)
        consumer.close()

    def committed(self) -> list[int]:
        consumer = Consumer({"bootstrap.servers": self.kafka, "group.id": self.name})
        found = consumer.committed([TopicPartition(self.topic, number) for number in range(4)], timeout=10)
        consumer.close()
        return [each.offset for each in found]


@pytest.fixture
def group(kafka: str, topic: str, operations: Database, monkeypatch: pytest.MonkeyPatch) -> Group:
    assert operations
    made = Group(kafka, topic)
    monkeypatch.setattr(consumers, "consumers", lambda: (known(NAME, topic, made.name),))
    made.write(5, 0)
    made.write(3, 1)
    made.commit(p0=4, p1=1)
    return made


def plan(**command: object) -> dict[str, Any]:
    """Return the plan by partition."""
    return {str(each["partition"]): each for each in run(seek_group.handler, consumer=NAME, **command)["moves"]}


def refused(**command: object) -> dict[str, Any]:
    answer = seek_group.handler({"consumer": NAME, **command}, Context(milliseconds=LONGEST))
    error: dict[str, Any] = answer["error"]
    return error


def test_the_plan_tells_what_is_read_again_and_skipped_and_moves_nothing(group: Group) -> None:
    """For each partition, with the sum of records."""
    result = run(seek_group.handler, consumer=NAME, to="earliest")
    moves = {
        each["partition"]: (each["before"], each["after"], each["again"], each["skipped"]) for each in result["moves"]
    }

    assert moves == {0: (4, 0, 4, 0), 1: (1, 0, 1, 0), 2: (None, 0, 0, 0), 3: (None, 0, 0, 0)}
    assert (result["count"], result["moved"], result["members"]) == (5, False, [])
    assert group.committed()[:2] == [4, 1]


@pytest.mark.parametrize(
    ("to", "expected"), [("earliest", [0, 0, 0, 0]), ("latest", [5, 3, 0, 0]), ("0:2,1:3", [2, 3, -1001, -1001])]
)
def test_a_group_without_members_is_moved(group: Group, to: str, expected: list[int]) -> None:
    """All partitions, or those that are named; repeated, it moves nothing more."""
    first = run(seek_group.handler, consumer=NAME, to=to, execute=True)
    again = run(seek_group.handler, consumer=NAME, to=to, execute=True, expect=first["count"])

    assert group.committed() == expected
    assert (first["moved"], again["count"]) == (True, 0)


def test_a_move_is_in_the_audit_and_a_plan_is_not(group: Group, operations: Database) -> None:
    """Who, why, what and how many; on AWS nothing is moved without a reason."""
    run(seek_group.handler, consumer=NAME, to="earliest")
    run(seek_group.handler, consumer=group.name, to="earliest", execute=True, who="ann", reason="a lost index")

    [(who, command, reason, counts)] = operations.rows("SELECT who, command, reason, counts FROM audit")
    assert (who, command, reason, counts) == ("ann", "mappings seek", "a lost index", {"records": 5, "partitions": 4})


def test_on_aws_a_move_needs_a_reason(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    """The audit has to have one."""
    monkeypatch.setenv("STAGE", "prod")
    [field] = refused(to="earliest", execute=True)["fields"]

    assert field["path"] == "reason"
    assert group.committed()[:2] == [4, 1]


def test_a_time_is_the_first_record_at_or_after_it(group: Group) -> None:
    """A partition without a later record is moved to its end."""
    group.write(1, 2, datetime.now(UTC) + timedelta(hours=2))
    moment = (datetime.now(UTC) + timedelta(hours=1)).isoformat()

    assert {number: each["after"] for number, each in plan(to=moment).items()} == {"0": 5, "1": 3, "2": 0, "3": 0}


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("0:6", "offset 6 of partition 0, which has 0 to 5"),
        ("9:0", "partition 9, and"),
        ("0:1,0:2", "twice"),
        ("yesterday", "earliest, latest"),
        ("2026-11-27T03:00:00", "with its zone"),
        ("", "length >= 1"),
    ],
)
def test_a_position_that_is_none_is_refused(group: Group, to: str, words: str) -> None:
    """The answer says what there is, and nothing is moved."""
    [field] = refused(to=to, execute=True)["fields"]

    assert field["path"] == "to"
    assert words in field["message"]
    assert group.committed()[:2] == [4, 1]


def test_a_group_with_members_is_refused_and_they_are_named(group: Group) -> None:
    """The plan names them as well."""
    with librdkafka_member(group.kafka, group.name, group.topic, "range") as member:
        assert member.has_joined.wait(30)
        told = refused(to="earliest", execute=True)["message"]
        shown = run(seek_group.handler, consumer=NAME, to="earliest")["members"]

    assert "rdkafka at 127.0.0.1" in told
    assert [(each["clientId"], each["partitions"]) for each in shown] == [("rdkafka", [0, 1, 2, 3])]


def test_another_count_than_expected_moves_nothing(group: Group) -> None:
    """Records came in between plan and move."""
    told = refused(to="latest", execute=True, expect=2)["message"]

    assert "3 records would be" in told
    assert group.committed()[:2] == [4, 1]


def test_a_consumer_that_is_not_the_applications_is_refused(group: Group) -> None:
    """No group of another program can be moved."""
    [field] = refused(consumer="shop.on_orders", to="earliest", execute=True)["fields"]

    assert NAME in field["message"]
    assert group.committed()[:2] == [4, 1]
