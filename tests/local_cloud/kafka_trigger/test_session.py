"""Sessions that end by an error, and brokers that hang (C4, L1, L2), on a real broker."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from confluent_kafka import KafkaError, KafkaException

from millrace_local.instance import Instance
from millrace_local.servers.kafka import Kafka
from millrace_plugin.kafka_trigger.committer import Committer
from millrace_plugin.kafka_trigger.dispatcher import Dispatcher
from millrace_plugin.kafka_trigger.processing_result import CONNECTION_ERROR, OK
from millrace_plugin.kafka_trigger.source_topic import SourceTopic
from tests.kit.servers import running, wait_until
from tests.local_cloud.kafka_trigger.conftest import Mappings, Topic
from tests.local_cloud.kafka_trigger.fake_function import SUCCESS, FakeFunction, Gate

NewTopic = Callable[..., Topic]
BROKER_ERROR = KafkaException(KafkaError(KafkaError.UNKNOWN))


class Fault:
    """Make a method raise once, when the test arms it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, owner: type, name: str, error: Exception) -> None:
        self.armed = False
        self.struck = False
        original = getattr(owner, name)

        def method(*arguments: object, **options: object) -> object:
            if self.armed and not self.struck:
                self.struck = True
                raise error
            return original(*arguments, **options)

        monkeypatch.setattr(owner, name, method)


@pytest.mark.parametrize(
    ("owner", "method", "error"),
    [
        pytest.param(Dispatcher, "backlogs", RuntimeError("bug"), id="bug"),
        pytest.param(Dispatcher, "offer", UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), id="record"),
        pytest.param(Committer, "send", BROKER_ERROR, id="broker"),
    ],
)
def test_c4_a_session_that_ends_by_an_error_commits_what_is_settled(  # noqa: PLR0913, PLR0917 - fixtures and a case
    owner: type,
    method: str,
    error: Exception,
    new_topic: NewTopic,
    mappings: Mappings,
    quick_retries: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was settled is not delivered again, and what was not is."""
    monkeypatch.setattr(Committer, "_send", lambda _self: None)  # nothing is committed in passing
    topic = new_topic(2)
    function = FakeFunction()
    mapping = mappings.start(topic, function)
    for partition in (0, 1):
        topic.write(3, partition)
    wait_until(lambda: mapping.counters.CommittedEventCount == 6)
    fault = Fault(monkeypatch, owner, method, error)
    fault.armed = True
    topic.write(1, 0)
    wait_until(lambda: 3 in function.offsets(topic.label(0)))
    topic.write(1, 1)
    wait_until(lambda: 3 in function.offsets(topic.label(1)))
    assert fault.struck
    assert [function.offsets(topic.label(partition)) for partition in (0, 1)] == [[0, 1, 2, 3]] * 2
    wait_until(lambda: mapping.processing_result.value == OK)


def test_c4_a_callback_that_fails_ends_the_session_and_loses_nothing(
    topic: Topic, mappings: Mappings, quick_retries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that does not answer while partitions are taken on: they are taken on again."""
    fault = Fault(monkeypatch, SourceTopic, "earliest", BROKER_ERROR)
    fault.armed = True
    topic.write(3)
    function = FakeFunction()
    mapping = mappings.start(topic, function, starting_position="TRIM_HORIZON")
    wait_until(lambda: topic.committed(mapping.settings.group) == 3)
    assert fault.struck
    assert function.offsets(topic.label()) == [0, 1, 2]


def test_c10_a_batch_in_flight_is_not_repeated_when_the_session_ends(
    topic: Topic, mappings: Mappings, quick_retries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The partition comes back with the next session, nobody has read it meanwhile, and the batch goes on."""
    monkeypatch.setattr("millrace_plugin.kafka_trigger.membership.RELEASE_SECONDS", 0.2)
    gate = Gate()
    function = FakeFunction(gate)
    mapping = mappings.start(topic, function, batch_size=2)
    topic.write(5)
    assert gate.entered.wait(20)
    fault = Fault(monkeypatch, Dispatcher, "backlogs", RuntimeError("bug"))
    fault.armed = True
    wait_until(lambda: "PROBLEM: bug" in mappings.results)
    wait_until(lambda: mapping.processing_result.value == OK)
    gate.open()
    wait_until(lambda: topic.committed(mapping.settings.group) == 5)
    assert function.offsets(topic.label()) == [0, 1, 2, 3, 4]


@contextmanager
def stopped(process_id: int) -> Iterator[None]:
    os.kill(process_id, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process_id, signal.SIGCONT)


@pytest.mark.parametrize("state", ["idle", "in flight"])
def test_l1_a_broker_that_hangs_is_told_within_seconds_and_recovers(state: str, own_instance: Instance) -> None:
    """LastProcessingResult follows, whether the mapping has work or not, and nothing is lost or repeated."""
    mappings = Mappings(own_instance.kafka_bootstrap)
    gate = Gate()
    function = FakeFunction(gate if state == "in flight" else lambda _: SUCCESS)
    with running(Kafka(), own_instance) as broker:
        topic = Topic(own_instance.kafka_bootstrap, 2)
        mapping = mappings.start(topic, function, batch_size=2)
        try:
            for partition in (0, 1):
                topic.write(2, partition)
            labels = [topic.label(partition) for partition in (0, 1)]
            wait_until(lambda: all(function.offsets(label) for label in labels))
            with stopped(broker.pid):
                began = time.monotonic()
                down = CONNECTION_ERROR.format(bootstrap=own_instance.kafka_bootstrap)
                wait_until(lambda: mapping.processing_result.value == down, seconds=15)
                wait_until(lambda: time.monotonic() - began > 20)
            wait_until(lambda: mapping.processing_result.value == OK, seconds=15)
            gate.open()
            for partition in (0, 1):
                topic.write(1, partition)
            wait_until(lambda: all(topic.committed(mapping.settings.group, each) == 3 for each in (0, 1)), seconds=40)
            assert [function.offsets(label) for label in labels] == [[0, 1, 2]] * 2
        finally:
            gate.open()
            mappings.stop()


def test_g3_latest_is_when_the_mapping_was_enabled_even_if_no_broker_answered_then(own_instance: Instance) -> None:
    """Older records are skipped, and later ones are not, even if they are written before the brokers answer."""
    mappings = Mappings(own_instance.kafka_bootstrap)
    function = FakeFunction()
    with running(Kafka(), own_instance) as broker:
        topic = Topic(own_instance.kafka_bootstrap)
        topic.write(2)
        try:
            with stopped(broker.pid):
                mappings.start(topic, function, starting_position="LATEST")
            topic.write(1)
            wait_until(lambda: function.offsets(topic.label()) == [2], seconds=40)
        finally:
            mappings.stop()
