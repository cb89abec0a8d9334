"""A consumer group that a mapping shares with other clients (G2, G3, G6, C10), on a real broker."""

import contextlib
import time
from collections.abc import Callable
from threading import Event
from uuid import uuid4

import pytest

from millrace_plugin.kafka_trigger import membership
from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.processing_result import GROUP_DIFFERS, OK
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.conftest import Mappings, Topic
from tests.local_cloud.kafka_trigger.fake_function import SUCCESS, Batch, FakeFunction, Gate
from tests.local_cloud.kafka_trigger.group_member import Member, kafka_python_member, librdkafka_member

NewTopic = Callable[..., Topic]
MemberFactory = Callable[[str, str, str], contextlib.AbstractContextManager[Member]]


def by_range(bootstrap: str, group: str, topic: str) -> contextlib.AbstractContextManager[Member]:
    return librdkafka_member(bootstrap, group, topic, "range")


def by_round_robin(bootstrap: str, group: str, topic: str) -> contextlib.AbstractContextManager[Member]:
    return librdkafka_member(bootstrap, group, topic, "roundrobin")


MEMBERS = [
    pytest.param(by_range, id="range"),
    pytest.param(by_round_robin, id="roundrobin"),
    pytest.param(kafka_python_member, id="kafka-python"),
]


def group() -> str:
    return f"group-{uuid4().hex}"


@pytest.mark.parametrize("position", ["LATEST", "AT_TIMESTAMP"])
def test_g3_a_start_is_resolved_in_a_group_that_has_members(
    position: str, new_topic: NewTopic, mappings: Mappings
) -> None:
    """Older records are skipped, later ones arrive, and the start is committed."""
    topic, other, shared = new_topic(2), new_topic(1), group()
    for partition in (0, 1):
        topic.write(2, partition, timestamp=int(time.time() * 1000) - 3_600_000)
    with by_range(topic.bootstrap, shared, other.name) as member:
        assert member.has_joined.wait(30)
        function = FakeFunction()
        moment = int(time.time() * 1000) - 60_000
        mapping = mappings.start(
            topic, function, group=shared, starting_position=position, starting_timestamp_ms=moment
        )
        for partition in (0, 1):
            topic.write(1, partition)
        wait_until(lambda: [function.offsets(topic.label(partition)) for partition in (0, 1)] == [[2], [2]])
        wait_until(lambda: topic.committed(shared, 0) == topic.committed(shared, 1) == 3)
        assert mapping.processing_result.value == OK


def test_g3_a_start_that_a_member_resolved_is_kept_when_the_mapping_is_enabled_again(
    topic: Topic, new_topic: NewTopic, mappings: Mappings
) -> None:
    """Nothing was read yet, and what was written meanwhile is delivered."""
    other, shared = new_topic(1), group()
    topic.write(2)
    with by_range(topic.bootstrap, shared, other.name) as member:
        assert member.has_joined.wait(30)
        settings = mappings.settings(topic.name, group=shared, starting_position="LATEST")
        first = mappings.run(settings, FakeFunction())
        wait_until(lambda: topic.committed(shared) == 2)
        first.stop()
        assert first.join(20)
        topic.write(1)
        function = FakeFunction()
        mappings.run(settings, function)
        wait_until(lambda: function.offsets(topic.label()) == [2])


@pytest.mark.parametrize("join", MEMBERS)
def test_records_are_shared_with_members_that_assign_eagerly(
    join: MemberFactory, new_topic: NewTopic, mappings: Mappings
) -> None:
    """Each member gets partitions, and each record is read by one of them."""
    topic, shared = new_topic(4), group()
    function = FakeFunction()
    mapping = mappings.start(topic, function, group=shared)
    for partition in range(4):
        topic.write(3, partition)
    wait_until(lambda: all(len(function.offsets(topic.label(each))) == 3 for each in range(4)))
    with join(topic.bootstrap, shared, topic.name) as member:
        assert member.has_joined.wait(30)
        for partition in range(4):
            topic.write(3, partition)

        def got() -> list[set[int]]:
            return [{*function.offsets(topic.label(each)), *member.offsets(each)} for each in range(4)]

        wait_until(lambda: got() == [set(range(6))] * 4)
        assert {partition for partition, _ in member.read} < set(range(4))
        assert mapping.processing_result.value == OK
    topic.write(1, 0)
    topic.write(1, 3)
    wait_until(lambda: 6 in function.offsets(topic.label(0)) and 6 in function.offsets(topic.label(3)))


def test_l1_members_that_assign_another_way_are_a_problem_until_they_leave(topic: Topic, mappings: Mappings) -> None:
    """LastProcessingResult names the group and the strategy, and the mapping joins as soon as it can."""
    shared = group()
    function = FakeFunction()
    problem = GROUP_DIFFERS.format(group=shared, assignor="cooperative-sticky")
    with librdkafka_member(topic.bootstrap, shared, topic.name, "cooperative-sticky") as member:
        assert member.has_joined.wait(30)
        mapping = mappings.start(topic, function, group=shared)
        wait_until(lambda: mapping.processing_result.value == problem)
        reports = len(mappings.results)
        wait_until(lambda: mapping.counters.PollingErrorCount >= 3)
        assert mappings.results[reports:] == []
    topic.write(1)
    wait_until(lambda: function.offsets(topic.label()) == [0])
    assert mapping.processing_result.value == OK


def test_c10_a_long_invocation_does_not_hold_up_a_member_that_joins(
    new_topic: NewTopic, mappings: Mappings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newcomer reads while the function still runs; what stays with the mapping is not delivered again."""
    monkeypatch.setattr(membership, "RELEASE_SECONDS", 0.2)
    topic, shared = new_topic(2), group()
    for partition in (0, 1):
        topic.write(1, partition)
    gate = Gate()
    function = FakeFunction(gate)
    mappings.start(topic, function, group=shared)
    assert gate.entered.wait(20)
    with by_range(topic.bootstrap, shared, topic.name) as member:
        wait_until(lambda: member.read)
        [theirs] = {partition for partition, _ in member.read}
        ours = 1 - theirs
        gate.open()
        wait_until(lambda: topic.committed(shared, ours) == 1)
        for partition in (0, 1):
            topic.write(1, partition)
        wait_until(lambda: function.offsets(topic.label(ours)) == [0, 1])
        wait_until(lambda: member.offsets(theirs) == [0, 1])


def test_c10_a_batch_in_flight_survives_a_rebalance_that_changes_nothing(
    topic: Topic, mappings: Mappings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Partitions added during a long invocation: the new one is read, the batch is neither repeated nor forgotten."""
    monkeypatch.setattr(membership, "RELEASE_SECONDS", 0.2)
    topic.write(3)
    entered, release = Event(), Event()

    def behave(batch: Batch) -> Answer:
        if topic.label(0) in batch:
            entered.set()
            assert release.wait(60)
        return SUCCESS

    function = FakeFunction(behave)
    mapping = mappings.start(topic, function, batch_size=2)
    assert entered.wait(20)
    topic.add_partitions(2)
    for partition in (0, 1):
        topic.write(1, partition)
    wait_until(lambda: function.offsets(topic.label(1)) == [0], seconds=40)
    assert function.offsets(topic.label(0)) == [0, 1]
    release.set()
    wait_until(lambda: function.offsets(topic.label(0)) == [0, 1, 2, 3])
    wait_until(lambda: topic.committed(mapping.settings.group, 0) == 4)
