"""Sessions that end by an error, and brokers that hang (C4, L1, L2), on a real broker."""

import time
from collections.abc import Callable

import pytest
from confluent_kafka import KafkaError, KafkaException

from millrace_plugin.kafka_trigger.committer import Committer
from millrace_plugin.kafka_trigger.dispatcher import Dispatcher
from millrace_plugin.kafka_trigger.processing_result import CONNECTION_ERROR, OK
from millrace_plugin.kafka_trigger.source_topic import SourceTopic
from tests.kit.servers import wait_until
from tests.kit.slow_broker import StoppableBroker
from tests.local_cloud.kafka_trigger.conftest import Mappings, Topic
from tests.local_cloud.kafka_trigger.fake_function import FakeFunction, Gate

NewTopic = Callable[..., Topic]
BROKER_ERROR = KafkaException(KafkaError(KafkaError.UNKNOWN))
# Longer than a consumer waits for an answer (`socket.timeout.ms`), after which it has given up its session too.
HANG_SECONDS = 12


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


def test_l1_a_broker_that_hangs_is_told_within_seconds_and_recovers(stoppable_broker: StoppableBroker) -> None:
    """LastProcessingResult follows, whether the mapping has work or not, and nothing is lost or repeated."""
    mappings = Mappings(stoppable_broker.bootstrap)
    gate = Gate()
    functions = {"idle": FakeFunction(), "in flight": FakeFunction(gate)}
    topics = {state: Topic(stoppable_broker.bootstrap, 2) for state in functions}
    running = {state: mappings.start(topics[state], function, batch_size=2) for state, function in functions.items()}

    def delivered(state: str) -> list[list[int]]:
        return [functions[state].offsets(topics[state].label(partition)) for partition in (0, 1)]

    def wait_for_result(result: str) -> None:
        wait_until(lambda: all(each.processing_result.value == result for each in running.values()), seconds=20)

    try:
        for topic in topics.values():
            for partition in (0, 1):
                topic.write(2, partition)
        wait_until(lambda: all(all(delivered(state)) for state in functions))
        with stoppable_broker.stopped():
            began = time.monotonic()
            wait_for_result(CONNECTION_ERROR.format(bootstrap=stoppable_broker.bootstrap))
            wait_until(lambda: time.monotonic() - began > HANG_SECONDS)
        wait_for_result(OK)
        gate.open()
        for state, topic in topics.items():
            for partition in (0, 1):
                topic.write(1, partition)
            group = running[state].settings.group
            wait_until(lambda: all(topic.committed(group, each) == 3 for each in (0, 1)), seconds=40)  # noqa: B023 - called at once
        assert {state: delivered(state) for state in functions} == dict.fromkeys(functions, [[0, 1, 2]] * 2)
    finally:
        gate.open()
        mappings.stop()


def test_g3_latest_is_when_the_mapping_was_enabled_even_if_no_broker_answered_then(
    stoppable_broker: StoppableBroker,
) -> None:
    """Older records are skipped, and later ones are not, even if they are written before the brokers answer."""
    mappings = Mappings(stoppable_broker.bootstrap)
    function = FakeFunction()
    topic = Topic(stoppable_broker.bootstrap)
    topic.write(2)
    try:
        with stoppable_broker.stopped():
            mappings.start(topic, function, starting_position="LATEST")
        topic.write(1)
        wait_until(lambda: function.offsets(topic.label()) == [2], seconds=40)
    finally:
        mappings.stop()
