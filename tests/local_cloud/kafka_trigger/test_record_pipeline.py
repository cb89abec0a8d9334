"""Records settled without an invocation, on a real broker: filtered out, or held by no event (F6, C9)."""

import json
from collections.abc import Callable
from uuid import uuid4

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from millrace_plugin.kafka_trigger.offsets import read_offsets, total_lag
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.conftest import Mappings, Topic
from tests.local_cloud.kafka_trigger.fake_function import RAISED, SUCCESS, FakeFunction

NewTopic = Callable[..., Topic]
NAMES = [b"\xff\xfe", b"\xe9t\xe9", b"\xed\xa0\x80"]
"""Names of headers that are not UTF-8: binary, Latin-1, and a surrogate."""


class RawName(str):
    """A header's name that is sent as other bytes than its characters."""

    __slots__ = ("raw",)
    raw: bytes

    def encode(self, *_: str) -> bytes:
        return self.raw


def write_with_header(topic: Topic, name: bytes, value: bytes = b"value", partition: int = 0) -> None:
    producer = KafkaProducer(bootstrap_servers=topic.bootstrap)
    header = RawName("name")
    header.raw = name
    producer.send(topic.name, value, key=b"k", headers=[(header, b"1")], partition=partition).get(10)
    producer.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_header_name_that_is_not_utf_8_stops_nothing(
    name: bytes, new_topic: NewTopic, mappings: Mappings, caplog: pytest.LogCaptureFixture
) -> None:
    """Only this record is dropped, with an ERROR that names it; its neighbours and other partitions come once.

    It comes after many that are in order, for the interpreter optimises a call that it has made often.
    """
    topic = new_topic(2)
    topic.write(150, partition=0, headers=[("h", b"1")])
    write_with_header(topic, name)
    topic.write(2, partition=0)
    topic.write(2, partition=1)
    function = FakeFunction()
    mapping = mappings.start(topic, function)
    wait_until(
        lambda: (topic.committed(mapping.settings.group), topic.committed(mapping.settings.group, 1)) == (153, 2)
    )
    assert function.offsets(topic.label()) == [*range(150), 151, 152]
    assert function.offsets(topic.label(1)) == [0, 1]
    assert (mapping.counters.DroppedEventCount, mapping.counters.CommittedEventCount) == (1, 154)
    errors = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert any(f"{topic.label()}, offset 150, are dropped" in each for each in errors)


def test_a_record_that_no_event_can_hold_goes_to_the_destination_without_what_cannot_be_written(
    new_topic: NewTopic, mappings: Mappings
) -> None:
    """It was never invoked; key, value and coordinates are kept."""
    topic, dead = new_topic(), new_topic()
    write_with_header(topic, b"\xff")
    mapping = mappings.start(topic, FakeFunction(), destination=f"kafka://{dead.name}")
    wait_until(lambda: topic.committed(mapping.settings.group) == 1)
    [message] = dead.read(1)
    document = json.loads(message.value())
    assert message.key() == b"k"
    assert document["requestContext"]["condition"] == "RecordNotRepresentable"
    assert (document["requestContext"]["approximateInvokeCount"], document["responseContext"]) == (0, None)
    [record] = document["payload"]["records"][topic.label()]
    assert (record["offset"], record["value"], record["headers"]) == (0, "dmFsdWU=", [])


def test_f6_filtered_records_count_in_no_batch_and_are_committed(topic: Topic, mappings: Mappings) -> None:
    """BatchSize is of records that pass; the offsets of the others move with them, to the end of the topic."""
    for number in range(20):
        topic.write(1, value=json.dumps({"number": number, "odd": bool(number % 2)}).encode())
    function = FakeFunction()
    pattern = '{"value": {"odd": [true]}}'
    mapping = mappings.start(topic, function, filters=(pattern,), batch_size=5, window_seconds=0.5)
    wait_until(lambda: topic.committed(mapping.settings.group) == 20)
    assert function.offsets(topic.label()) == list(range(1, 20, 2))
    assert [len(batch[topic.label()]) for batch in function.batches] == [5, 5]
    assert (mapping.counters.PolledEventCount, mapping.counters.FilteredOutEventCount) == (20, 10)


def test_c9_when_everything_is_filtered_out_the_offsets_move_without_an_invocation(
    topic: Topic, mappings: Mappings
) -> None:
    """There is nothing to wait for."""
    topic.write(30, value=b"no")
    function = FakeFunction()
    mapping = mappings.start(topic, function, filters=('{"value": ["yes"]}',), window_seconds=300)
    wait_until(lambda: topic.committed(mapping.settings.group) == 30)
    assert function.events == []
    assert mapping.counters.FilteredOutEventCount == 30


def test_c9_filtered_records_never_carry_the_offsets_past_a_failing_one(
    topic: Topic, mappings: Mappings, quick_retries: None
) -> None:
    """What is committed waits before the record that the function fails, however much is filtered behind it."""
    topic.write(2, value=b"no")
    topic.write(1, value=b"yes")
    topic.write(20, value=b"no")
    broken = True
    function = FakeFunction(lambda _: RAISED if broken else SUCCESS)
    mapping = mappings.start(topic, function, filters=('{"value": ["yes"]}',))
    wait_until(lambda: mapping.counters.FilteredOutEventCount == 22 and len(function.events) > 2)
    wait_until(lambda: topic.committed(mapping.settings.group) == 2)
    broken = False
    wait_until(lambda: topic.committed(mapping.settings.group) == 23)


def test_r15_records_too_old_go_to_the_kafka_destination(new_topic: NewTopic, mappings: Mappings) -> None:
    """Older records of a backlog are not invoked, and younger ones are."""
    topic, dead = new_topic(), new_topic()
    topic.write(2, timestamp=1_545_084_650_987)
    topic.write(1)
    function = FakeFunction()
    mapping = mappings.start(
        topic, function, maximum_age_seconds=3600, destination=f"kafka://{dead.name}", window_seconds=0.5
    )
    wait_until(lambda: topic.committed(mapping.settings.group) == 3)
    assert function.offsets(topic.label()) == [2]
    documents = [json.loads(each.value()) for each in dead.read(2)]
    assert {each["requestContext"]["condition"] for each in documents} == {"RecordAgeExceeded"}
    assert {each["requestContext"]["approximateInvokeCount"] for each in documents} == {0}
    assert {each["responseContext"] for each in documents} == {None}


def test_two_mappings_filter_one_topic_apart(topic: Topic, mappings: Mappings) -> None:
    """Each has its own group, filter and offsets."""
    for number in range(6):
        topic.write(1, value=b"even" if number % 2 == 0 else b"odd")
    even, odd = FakeFunction(), FakeFunction()
    groups = []
    for function, word in ((even, "even"), (odd, "odd")):
        mapping = mappings.start(topic, function, filters=(json.dumps({"value": [word]}),), uuid=str(uuid4()))
        groups.append(mapping.settings.group)
    wait_until(lambda: [topic.committed(group) for group in groups] == [6, 6])
    assert (even.offsets(topic.label()), odd.offsets(topic.label())) == ([0, 2, 4], [1, 3, 5])


def transaction(topic: Topic, count: int, *, commits: bool) -> None:
    producer = Producer({"bootstrap.servers": topic.bootstrap, "transactional.id": uuid4().hex})
    producer.init_transactions(30)
    producer.begin_transaction()
    for _ in range(count):
        producer.produce(topic.name, b"value", partition=0)
    producer.flush()
    (producer.commit_transaction if commits else producer.abort_transaction)(30)


def test_c5_what_transactions_leave_behind_the_last_record_is_committed_too(topic: Topic, mappings: Mappings) -> None:
    """Aborted records and transaction markers are no lag, and are not read again at a start."""
    function = FakeFunction()
    mapping = mappings.start(topic, function)
    transaction(topic, 3, commits=True)
    transaction(topic, 5, commits=False)
    wait_until(lambda: topic.committed(mapping.settings.group) == 10)
    assert total_lag(read_offsets(mapping.settings)) == 0
    transaction(topic, 1, commits=True)
    wait_until(lambda: topic.committed(mapping.settings.group) == 12)
    assert function.offsets(topic.label()) == [0, 1, 2, 10]


def test_c5_the_end_of_a_partition_commits_nothing_that_is_not_settled(topic: Topic, mappings: Mappings) -> None:
    """Records before it that the function has failed hold the position."""
    function = FakeFunction(lambda batch: RAISED if 1 in batch[topic.label()] else SUCCESS)
    mapping = mappings.start(topic, function, batch_size=1)
    transaction(topic, 3, commits=True)
    transaction(topic, 5, commits=False)
    wait_until(lambda: function.offsets(topic.label())[-2:] == [1, 1])
    assert topic.committed(mapping.settings.group) == 1
