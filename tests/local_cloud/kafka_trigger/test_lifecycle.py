"""Starting positions, groups, stops, restarts and failing brokers, on a real broker (sections 4, 5 and 11)."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from millrace_local.instance import Instance
from millrace_local.servers.kafka import Kafka
from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.mapping import KafkaMapping
from millrace_plugin.kafka_trigger.processing_result import CONNECTION_ERROR, OK, TOPIC_MISSING
from millrace_plugin.kafka_trigger.settings import Settings
from tests.kit.servers import running, wait_until
from tests.local_cloud.kafka_trigger.conftest import Mappings, Topic, no_clients
from tests.local_cloud.kafka_trigger.fake_function import RAISED, SUCCESS, Batch, FakeFunction, Gate

NewTopic = Callable[..., Topic]


def group() -> str:
    return f"group-{uuid4().hex}"


def test_g1_trim_horizon_starts_at_the_beginning(topic: Topic, mappings: Mappings) -> None:
    """Everything that is retained is delivered."""
    topic.write(3)
    function = FakeFunction()
    mappings.start(topic, function)
    wait_until(lambda: function.offsets(topic.label()) == [0, 1, 2])


def test_g3_latest_starts_at_the_end_and_a_restart_skips_nothing(topic: Topic, mappings: Mappings) -> None:
    """The end is resolved and committed once: records written while the mapping is stopped are delivered."""
    topic.write(2)
    settings = mappings.settings(topic.name, starting_position="LATEST")
    first = mappings.run(settings, FakeFunction())
    assert topic.committed(settings.group) == 2
    first.stop()
    assert first.join(10)
    topic.write(1)
    function = FakeFunction()
    mappings.run(settings, function)
    wait_until(lambda: function.offsets(topic.label()) == [2])


def test_g2_at_timestamp_starts_at_the_first_record_of_that_time(new_topic: NewTopic, mappings: Mappings) -> None:
    """A partition without a later record starts at its end."""
    topic = new_topic(2)
    now = int(time.time() * 1000)
    for hours in (3, 2, 1):
        topic.write(1, partition=0, timestamp=now - hours * 3_600_000)
    topic.write(1, partition=1, timestamp=now - 3 * 3_600_000)
    function = FakeFunction()
    mapping = mappings.start(
        topic, function, starting_position="AT_TIMESTAMP", starting_timestamp_ms=now - 2 * 3_600_000
    )
    assert topic.committed(mapping.settings.group, 1) == 1
    topic.write(1, partition=1)
    wait_until(lambda: (function.offsets(topic.label(0)), function.offsets(topic.label(1))) == ([1, 2], [1]))


@pytest.mark.parametrize("position", ["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"])
def test_g6_a_committed_offset_wins_over_the_starting_position(position: str, topic: Topic, mappings: Mappings) -> None:
    """A group that has read two of four records goes on with the third."""
    shared = group()
    topic.write(2)
    first = mappings.start(topic, FakeFunction(), group=shared)
    wait_until(lambda: topic.committed(shared) == 2)
    first.stop()
    assert first.join(10)
    topic.write(2)
    function = FakeFunction()
    moment = int(time.time() * 1000) + 60_000
    mappings.start(topic, function, group=shared, starting_position=position, starting_timestamp_ms=moment)
    wait_until(lambda: function.offsets(topic.label()) == [2, 3])


def test_g6_a_committed_offset_that_retention_deleted_falls_back_to_the_earliest(
    topic: Topic, mappings: Mappings, caplog: pytest.LogCaptureFixture
) -> None:
    """It continues with the first record that is left, and a warning names the lost ones."""
    shared = group()
    topic.write(2)
    first = mappings.start(topic, FakeFunction(), group=shared)
    wait_until(lambda: topic.committed(shared) == 2)
    first.stop()
    assert first.join(10)
    topic.write(4)
    deleted = topic.admin.delete_records([TopicPartition(topic.name, 0, 5)])
    assert all(future.result(10) for future in deleted.values())
    function = FakeFunction()
    mappings.start(topic, function, group=shared)
    wait_until(lambda: function.offsets(topic.label()) == [5])
    assert any("was deleted by retention" in message for message in caplog.messages)


def test_g9_two_mappings_on_one_topic_each_get_every_record(topic: Topic, mappings: Mappings) -> None:
    """Different groups are independent."""
    functions = [FakeFunction(), FakeFunction()]
    for function in functions:
        mappings.start(topic, function)
    topic.write(3)
    wait_until(lambda: all(function.offsets(topic.label()) == [0, 1, 2] for function in functions))


def test_c10_two_mappings_of_one_group_share_the_partitions(new_topic: NewTopic, mappings: Mappings) -> None:
    """A rebalance loses nothing, and commits let the new owner go on where the old one was."""
    topic, shared = new_topic(2), group()
    first, second = FakeFunction(), FakeFunction()
    mappings.start(topic, first, group=shared)
    for partition in (0, 1):
        topic.write(5, partition=partition)
    wait_until(lambda: topic.committed(shared, 0) == topic.committed(shared, 1) == 5)
    mappings.start(topic, second, group=shared)

    def both_get_records() -> bool:
        for partition in (0, 1):
            topic.write(1, partition=partition)
        return bool(second.events)

    wait_until(both_get_records, seconds=30)
    labels = [topic.label(partition) for partition in (0, 1)]
    ends = [max(first.offsets(label) + second.offsets(label)) + 1 for label in labels]

    def got_everything() -> bool:
        got = [{*first.offsets(label), *second.offsets(label)} for label in labels]
        return all(set(range(end)) <= offsets for end, offsets in zip(ends, got, strict=True))

    wait_until(got_everything)
    assert all(second.offsets(label) == sorted(set(second.offsets(label))) for label in labels)


def test_partitions_added_while_running_are_read_from_their_beginning(topic: Topic, mappings: Mappings) -> None:
    """G3: even for LATEST, or what was written before their discovery would be lost."""
    function = FakeFunction()
    mapping = mappings.start(topic, function, starting_position="LATEST")
    wait_until(lambda: mapping.processing_result.value == OK)
    topic.add_partitions(2)
    topic.write(1, partition=1)
    wait_until(lambda: function.offsets(topic.label(1)) == [0], seconds=30)


def test_c10_stop_lets_the_invocation_end_and_commits_it(topic: Topic, mappings: Mappings) -> None:
    """Disabled or deleted in mid-invocation: nothing new is started, what was settled is not delivered again."""
    topic.write(2)
    gate = Gate()
    function = FakeFunction(gate)
    mapping = mappings.start(topic, function, batch_size=1)
    assert gate.entered.wait(10)
    mapping.stop()
    assert not mapping.join(0.5)
    gate.open()
    assert mapping.join(10)
    assert topic.committed(mapping.settings.group) == 1
    assert function.offsets(topic.label()) == [0]
    counters = mapping.counters
    assert counters.PolledEventCount == counters.CommittedEventCount + counters.ReturnedEventCount


def test_a_stop_does_not_wait_for_a_retry(topic: Topic, mappings: Mappings) -> None:
    """A partition that waits to be retried, by seconds, is given back at once and uncommitted."""
    topic.write(1)
    function = FakeFunction(lambda _: RAISED)
    mapping = mappings.start(topic, function)
    wait_until(lambda: mapping.counters.InvokeErrorCount >= 2)
    mapping.stop()
    assert mapping.join(2)
    assert topic.committed(mapping.settings.group) < 0


def test_g5_a_restart_in_the_same_group_goes_on_at_once(topic: Topic, mappings: Mappings) -> None:
    """An orderly stop leaves the group: its successor does not wait for a session to expire."""
    shared = group()
    first = mappings.start(topic, FakeFunction(), group=shared)
    topic.write(1)
    wait_until(lambda: topic.committed(shared) == 1)
    first.stop()
    assert first.join(10)
    function = FakeFunction()
    mappings.start(topic, function, group=shared)
    topic.write(1)
    wait_until(lambda: function.offsets(topic.label()) == [1])


def invoke_and_die(settings: Settings, marker: Path) -> None:
    """Run a mapping in a process whose function records its invocation and ends before the commit."""

    def behave(_batch: Batch) -> Answer:
        marker.write_text("ran")
        signal.pause()
        return SUCCESS

    KafkaMapping(settings, FakeFunction(behave), print, no_clients).start()
    signal.pause()


def test_c4_a_kill_between_invocation_and_commit_delivers_again(
    topic: Topic, mappings: Mappings, tmp_path: Path
) -> None:
    """After `kill -9` the next owner gets every record that was not committed, within the session timeout."""
    topic.write(3)
    settings = mappings.settings(topic.name)
    marker = tmp_path / "ran"
    process = multiprocessing.get_context("spawn").Process(target=invoke_and_die, args=(settings, marker))
    process.start()
    wait_until(marker.exists, seconds=20)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join(10)
    process.close()
    function = FakeFunction()
    mappings.run(settings, function)
    wait_until(lambda: sorted(set(function.offsets(topic.label()))) == [0, 1, 2], seconds=15)


def test_l1_a_missing_topic_is_a_problem_that_goes_away_when_it_is_made(
    new_topic: NewTopic, mappings: Mappings
) -> None:
    """The mapping waits, says so, and then reads from the beginning even for LATEST."""
    topic = new_topic(0)
    function = FakeFunction()
    mapping = mappings.start(topic, function, starting_position="LATEST")
    wait_until(lambda: mapping.processing_result.value == TOPIC_MISSING.format(topic=topic.name))
    topic.create(1)
    topic.write(1)
    wait_until(lambda: function.offsets(topic.label()) == [0])
    wait_until(lambda: mapping.processing_result.value == OK)


def test_l1_a_broker_that_is_down_at_first_and_later_again_is_told_and_recovers(own_instance: Instance) -> None:
    """LastProcessingResult changes by itself each time, and every record arrives."""
    mappings = Mappings(own_instance.kafka_bootstrap)
    function = FakeFunction()
    settings = mappings.settings("later")
    down = CONNECTION_ERROR.format(bootstrap=own_instance.kafka_bootstrap)
    mapping = mappings.run(settings, function)
    try:
        wait_until(lambda: mapping.processing_result.value == down)
        with running(Kafka(), own_instance):
            topic = Topic(own_instance.kafka_bootstrap, 0)
            topic.name = "later"
            topic.create(1)
            topic.write(1)
            wait_until(lambda: function.offsets("later-0") == [0], seconds=20)
            assert mapping.processing_result.value == OK
        wait_until(lambda: mapping.processing_result.value == down, seconds=20)
        with running(Kafka(), own_instance):
            wait_until(lambda: mapping.processing_result.value == OK, seconds=20)
            topic.write(1)
            wait_until(lambda: function.offsets("later-0")[-1] == 1, seconds=20)
            mappings.stop()
    finally:
        mapping.stop()
        mapping.join(30)


def test_c11_a_failed_commit_is_tried_again(
    topic: Topic, mappings: Mappings, quick_retries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as an error and no record is lost or skipped."""
    mapping = mappings.start(topic, FakeFunction(lambda _: SUCCESS))
    wait_until(lambda: mapping.processing_result.value == OK)
    committer = mapping._committer

    class Refusing:
        """A consumer whose first commits fail."""

        def __init__(self, real: object) -> None:
            self.real = real
            self.left = 2

        def commit(self, **arguments: object) -> None:
            if self.left:
                self.left -= 1
                raise KafkaException(KafkaError(KafkaError.COORDINATOR_NOT_AVAILABLE))
            self.real.commit(**arguments)  # type: ignore[attr-defined]

    monkeypatch.setattr(committer, "_consumer", Refusing(committer._consumer))
    topic.write(1)
    wait_until(lambda: topic.committed(mapping.settings.group) == 1)
    assert mapping.counters.CommitErrorCount == 2
