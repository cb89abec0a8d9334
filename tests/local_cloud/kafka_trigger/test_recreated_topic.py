"""Positions that a topic no longer holds: re-created, truncated, records deleted (G3, G6), on a real broker."""

from collections.abc import Callable

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition

from millrace_plugin.kafka_trigger import starting_position
from millrace_plugin.kafka_trigger.processing_result import OK, TOPIC_MISSING
from millrace_plugin.kafka_trigger.starting_position import Committed, Start, decide
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.conftest import Mappings, Topic
from tests.local_cloud.kafka_trigger.fake_function import RAISED, SUCCESS, FakeFunction, Gate

NewTopic = Callable[..., Topic]
BOUNDS = (2, 9)


@pytest.mark.parametrize(
    ("committed", "expected"),
    [
        pytest.param(Committed(5, "new"), 5, id="committed for this topic"),
        pytest.param(Committed(5), 5, id="committed by a client that writes no topic id"),
        pytest.param(Committed(5, "old"), 2, id="committed for a topic of the same name"),
        pytest.param(Committed(1, "new"), 2, id="deleted by retention"),
        pytest.param(Committed(9, "new"), 9, id="at the end"),
        pytest.param(Committed(10, "new"), 2, id="beyond the end"),
        pytest.param(Committed(-1001), 7, id="nothing committed"),
    ],
)
def test_g6_a_committed_offset_counts_for_the_topic_it_was_committed_for(committed: Committed, expected: int) -> None:
    """Every other one is void, and everything that is left is read: twice is better than never (C4)."""
    assert decide(committed, "new", Start("new", {0: 7}), 0, BOUNDS).offset == expected


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        pytest.param(Start("new", {0: 1}), 2, id="deleted by retention since"),
        pytest.param(Start("new", {0: 10}), 2, id="beyond the end"),
        pytest.param(Start("new", {1: 7}), 2, id="a partition that was added"),
        pytest.param(Start("old", {0: 7}), 2, id="resolved for a topic of the same name"),
        pytest.param(Start(None, {}), 2, id="the topic did not exist"),
    ],
)
def test_g3_a_resolved_start_counts_for_the_partitions_of_the_topic_there_was(start: Start, expected: int) -> None:
    """Everything else is new and read from its beginning."""
    assert decide(Committed(-1001), "new", start, 0, BOUNDS).offset == expected


@pytest.mark.parametrize("position", ["TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"])
@pytest.mark.parametrize("count", [3, 10, 30], ids=["shorter", "as long", "longer"])
def test_a_topic_that_is_created_again_is_read_from_its_beginning(
    count: int, position: str, topic: Topic, mappings: Mappings
) -> None:
    """However many records it holds at once, all are delivered and committed."""
    function = FakeFunction()
    mapping = mappings.start(topic, function, starting_position=position, starting_timestamp_ms=1)
    topic.write(10)
    wait_until(lambda: topic.committed(mapping.settings.group) == 10)
    topic.recreate()
    seen = len(function.events)
    topic.write(count)

    def new_offsets() -> list[int]:
        return [offset for batch in function.batches[seen:] for offset in batch[topic.label()]]

    wait_until(lambda: set(new_offsets()) == set(range(count)))
    wait_until(lambda: topic.committed(mapping.settings.group) == count)
    topic.write(1)
    wait_until(lambda: topic.committed(mapping.settings.group) == count + 1)
    assert mapping.processing_result.value == OK


@pytest.mark.parametrize("when", ["running", "disabled"])
@pytest.mark.parametrize("position", ["LATEST", "AT_TIMESTAMP"])
def test_what_is_written_to_a_new_topic_while_the_mapping_is_disabled_is_not_lost(
    position: str, when: str, topic: Topic, mappings: Mappings
) -> None:
    """Its start was resolved for the old topic, once and for all: all of the new one is delivered."""
    topic.write(4)
    settings = mappings.settings(topic.name, starting_position=position, starting_timestamp_ms=2_000_000_000_000)
    first = mappings.run(settings, FakeFunction())
    wait_until(lambda: topic.committed(settings.group) == 4)
    if when == "running":
        topic.recreate()
        wait_until(lambda: topic.committed(settings.group) == 0)
    first.stop()
    assert first.join(20)
    if when == "disabled":
        topic.recreate()
    topic.write(6)
    function = FakeFunction()
    mappings.run(settings, function)
    wait_until(lambda: function.offsets(topic.label()) == list(range(6)))


def test_a_new_topic_is_noticed_by_what_was_committed_for_the_old_one(topic: Topic, mappings: Mappings) -> None:
    """After a restart only the commit's metadata names the old topic."""
    topic.write(4)
    settings = mappings.settings(topic.name, starting_position="LATEST")
    first = mappings.run(settings, FakeFunction())
    wait_until(lambda: topic.committed(settings.group) == 4)
    first.stop()
    assert first.join(20)
    starting_position.forget(settings.uuid)
    old = TopicPartition(topic.name, 0, 2, starting_position.metadata("of-a-topic-that-is-gone"))
    commit = ConsumerGroupTopicPartitions(settings.group, [old])
    topic.admin.alter_consumer_group_offsets([commit])[settings.group].result(10)
    function = FakeFunction()
    mappings.run(settings, function)
    wait_until(lambda: function.offsets(topic.label()) == [0, 1, 2, 3])


def test_a_batch_of_the_deleted_topic_commits_nothing_to_the_new_one(topic: Topic, mappings: Mappings) -> None:
    """The function still runs when the new topic is read and committed; its result comes to nothing."""
    gate = Gate()
    function = FakeFunction(gate)
    mapping = mappings.start(topic, function)
    topic.write(10)
    assert gate.entered.wait(20)
    answered = len(function.events)
    function.behave = FakeFunction().behave
    topic.recreate()
    topic.write(3)
    wait_until(lambda: topic.committed(mapping.settings.group) == 3)
    gate.open()
    topic.write(1)
    wait_until(lambda: topic.committed(mapping.settings.group) == 4)
    assert [offset for batch in function.batches[answered:] for offset in batch[topic.label()]] == [0, 1, 2, 3]
    mapping.stop()
    assert mapping.join(20)
    counters = mapping.counters
    assert counters.PolledEventCount == counters.CommittedEventCount + counters.ReturnedEventCount


@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3)], ids=["fewer", "more"])
def test_a_topic_is_created_again_with_another_number_of_partitions(
    before: int, after: int, new_topic: NewTopic, mappings: Mappings
) -> None:
    """Each of its partitions is read from the beginning, and no other is asked for."""
    topic = new_topic(before)
    function = FakeFunction()
    mapping = mappings.start(topic, function)
    for partition in range(before):
        topic.write(5, partition)
    wait_until(lambda: all(topic.committed(mapping.settings.group, each) == 5 for each in range(before)))
    topic.recreate(after)
    for partition in range(after):
        topic.write(2, partition)
    wait_until(lambda: all(topic.committed(mapping.settings.group, each) == 2 for each in range(after)))
    errors = mapping.counters.PollingErrorCount
    topic.write(1)
    wait_until(lambda: topic.committed(mapping.settings.group) == 3)
    assert mapping.counters.PollingErrorCount == errors
    assert mapping.processing_result.value == OK


def test_l1_a_topic_that_is_deleted_is_a_problem_until_it_is_created_again(topic: Topic, mappings: Mappings) -> None:
    """The mapping waits, and reads the new topic from its beginning, even for LATEST."""
    function = FakeFunction()
    mapping = mappings.start(topic, function, starting_position="LATEST")
    topic.write(2)
    wait_until(lambda: topic.committed(mapping.settings.group) == 2)
    topic.delete()
    wait_until(lambda: mapping.processing_result.value == TOPIC_MISSING.format(topic=topic.name))
    topic.create(1)
    topic.write(3)
    wait_until(lambda: function.offsets(topic.label()) == [0, 1, 0, 1, 2])
    wait_until(lambda: mapping.processing_result.value == OK)


def test_g6_a_committed_offset_beyond_the_end_falls_back_to_the_earliest(
    topic: Topic, mappings: Mappings, caplog: pytest.LogCaptureFixture
) -> None:
    """What a broker lost, or a tool set, must not keep the partition waiting: it goes on, and a warning says so."""
    topic.write(3)
    settings = mappings.settings(topic.name)
    commit = ConsumerGroupTopicPartitions(settings.group, [TopicPartition(topic.name, 0, 100)])
    topic.admin.alter_consumer_group_offsets([commit])[settings.group].result(10)
    function = FakeFunction()
    mappings.run(settings, function)
    wait_until(lambda: topic.committed(settings.group) == 3)
    assert function.offsets(topic.label()) == [0, 1, 2]
    assert any("beyond the end" in message for message in caplog.messages)


def test_g6_records_deleted_ahead_of_a_running_mapping_are_passed_over(
    new_topic: NewTopic, mappings: Mappings, caplog: pytest.LogCaptureFixture
) -> None:
    """What was already read is settled and committed, and reading goes on with the first record that is left."""
    topic = new_topic(1)
    gate = Gate()
    function = FakeFunction(gate)
    mapping = mappings.start(topic, function, batch_size=1)
    topic.write(70, value=b"x" * 900_000)
    assert gate.entered.wait(20)
    deleted = topic.admin.delete_records([TopicPartition(topic.name, 0, 69)])
    assert all(future.result(10) for future in deleted.values())
    gate.open()
    wait_until(lambda: topic.committed(mapping.settings.group) == 70)
    offsets = function.offsets(topic.label())
    assert offsets[-1] == 69
    assert len(offsets) < 70
    assert offsets == sorted(set(offsets))
    assert any("was deleted by retention" in message for message in caplog.messages)


def test_r4_a_record_is_retried_until_the_topic_has_deleted_it(
    topic: Topic, mappings: Mappings, quick_retries: None
) -> None:
    """By retention or by hand; what comes behind it and was never tried is delivered."""
    function = FakeFunction(lambda batch: RAISED if batch[topic.label()] == [0] else SUCCESS)
    mapping = mappings.start(topic, function, batch_size=1)
    topic.write(4)
    wait_until(lambda: function.offsets(topic.label()).count(0) > 1)
    deleted = topic.admin.delete_records([TopicPartition(topic.name, 0, 2)])
    assert all(future.result(10) for future in deleted.values())
    wait_until(lambda: topic.committed(mapping.settings.group) == 4)
    assert function.offsets(topic.label())[-3:] == [1, 2, 3]
    assert mapping.counters.DroppedEventCount == 1
    wait_until(lambda: mapping.processing_result.value == OK)
