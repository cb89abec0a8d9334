"""Metrics and logs of real mappings in LocalStack's CloudWatch (section 12)."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from millrace_local.instance import ACCOUNT, REGION
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.cloudwatch import events, kinds, total
from tests.local_cloud.kafka_trigger.conftest import Mappings, Services, Topic
from tests.local_cloud.kafka_trigger.fake_function import RAISED, SUCCESS, Batch, FakeFunction, Gate

QUICKLY = 0.3  # seconds between two reports


def function_arn() -> str:
    """Return the ARN of a function that does not exist."""
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f-{uuid4().hex[:8]}"


def test_event_counts_are_published_once_each_and_the_last_at_the_stop(
    topic: Topic, mappings: Mappings, services: Services
) -> None:
    """Several publications add up to what was counted; groups that nobody asked for are not there."""
    mapping = mappings.start(
        topic, FakeFunction(), clients=services, report_seconds=QUICKLY, metrics=frozenset({"EventCount"})
    )
    uuid = mapping.settings.uuid

    def committed() -> float | None:
        return total(services, "CommittedEventCount", "EventSourceMappingUUID", uuid)

    topic.write(3)
    wait_until(lambda: committed() == 3)
    topic.write(4)
    wait_until(lambda: topic.committed(mapping.settings.group) == 7)
    mapping.stop()
    assert mapping.join(30)
    assert committed() == 7
    for name, count in {"PolledEventCount": 7, "InvokedEventCount": 7, "FilteredOutEventCount": 0}.items():
        assert total(services, name, "EventSourceMappingUUID", uuid) == count
    for name in ("DroppedEventCount", "InvokeErrorCount", "MaxOffsetLag"):
        assert total(services, name, "EventSourceMappingUUID", uuid) is None


def test_lag_and_errors_are_published_while_the_function_holds_the_topic_up(
    topic: Topic, mappings: Mappings, services: Services
) -> None:
    """OffsetLag under the function's name too, as AWS has it."""
    gate, arn = Gate(), function_arn()
    mapping = mappings.start(
        topic,
        FakeFunction(gate),
        clients=services,
        report_seconds=QUICKLY,
        function_arn=arn,
        metrics=frozenset({"KafkaMetrics"}),
    )
    topic.write(5)
    name, uuid = arn.rpartition(":")[2], mapping.settings.uuid
    wait_until(lambda: total(services, "OffsetLag", "FunctionName", name, "Maximum") == 5)
    for metric in ("OffsetLag", "MaxOffsetLag", "SumOffsetLag"):
        assert total(services, metric, "EventSourceMappingUUID", uuid, "Maximum") == 5
    gate.open()
    wait_until(lambda: total(services, "OffsetLag", "FunctionName", name, "Minimum") == 0)


def test_the_pollers_lines_are_in_the_log_group_of_the_function(
    topic: Topic, mappings: Mappings, services: Services, quick_retries: None
) -> None:
    """At DEBUG all three kinds; what any thread of the mapping warns of is there, and dropped records with offsets."""
    arn = function_arn()

    def behave(batch: Batch) -> Any:  # noqa: ANN401 - an answer
        return RAISED if 0 in batch[topic.label()] else SUCCESS

    topic.write(1)
    mapping = mappings.start(
        topic,
        FakeFunction(behave),
        clients=services,
        report_seconds=QUICKLY,
        function_arn=arn,
        log_level="DEBUG",
        maximum_retries=1,
    )
    group, uuid = f"/aws/lambda/{arn.rpartition(':')[2]}", mapping.settings.uuid
    three = {"ESM_PROCESSING_EVENT", "POLLER_STATUS_EVENT", "KAFKA_STATUS_EVENT"}
    wait_until(lambda: kinds(events(services, group, uuid)) == three)
    wait_until(
        lambda: any(
            event.get("kafkaPartitionOffsets", {}).get("committedOffset") == 1
            for event in events(services, group, uuid)
        )
    )
    mapping.stop()
    assert mapping.join(30)
    found = events(services, group, uuid)
    messages = [event["error"]["errorMessage"] for event in found if "error" in event]
    assert any("failed" in message for message in messages), messages
    assert any("RetriesExhausted" in message and topic.label() in message for message in messages), messages
    (status,) = (event["kafkaEventSourceConnection"] for event in found if "kafkaEventSourceConnection" in event)
    assert status["assignedPartitions"] == [topic.label()]
    last = [event["kafkaPartitionOffsets"] for event in found if "kafkaPartitionOffsets" in event][-1]
    expected = {"endOffset": 1, "consumedOffset": 0, "processedOffset": 0, "committedOffset": 1}
    assert last == {"partition": topic.label(), **expected}


def test_a_missing_topic_and_a_missing_destination_are_in_the_log(
    new_topic: Callable[..., Topic], mappings: Mappings, services: Services, quick_retries: None
) -> None:
    """What the poller and what a delivery's thread have to say, each with the mapping's UUID in its stream."""
    topic, arn = new_topic(0), function_arn()
    mapping = mappings.start(
        topic,
        FakeFunction(lambda _: RAISED),
        clients=services,
        function_arn=arn,
        log_level="WARN",
        maximum_retries=0,
        destination=f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere",
    )
    group = f"/aws/lambda/{arn.rpartition(':')[2]}"

    def says(text: str) -> bool:
        found = events(services, group, mapping.settings.uuid)
        return any(text in event["error"]["errorMessage"] for event in found)

    wait_until(lambda: says(f"Topic {topic.name} was not found"))
    topic.create(1)
    topic.write(1)
    wait_until(lambda: says("specified queue does not exist"), seconds=60)


@pytest.mark.parametrize("level", ["WARN", None])
def test_a_mapping_says_no_more_than_its_level(
    level: str | None, topic: Topic, mappings: Mappings, services: Services
) -> None:
    """Without LoggingConfig not even the group is there."""
    arn = function_arn()
    mapping = mappings.start(
        topic, FakeFunction(), clients=services, report_seconds=QUICKLY, function_arn=arn, log_level=level
    )
    topic.write(1)
    wait_until(lambda: topic.committed(mapping.settings.group) == 1)
    mapping.stop()
    assert mapping.join(30)
    found = events(services, f"/aws/lambda/{arn.rpartition(':')[2]}", mapping.settings.uuid)
    assert kinds(found) <= ({"ESM_PROCESSING_EVENT"} if level else set())


def test_a_mapping_goes_on_when_nothing_can_be_published(topic: Topic, mappings: Mappings) -> None:
    """Neither metrics nor logs are worth a record."""

    def away(service: str, account: str, region: str) -> Any:  # noqa: ANN401 - there is no client
        raise ConnectionError(f"{service} of {account} in {region} is away")

    function = FakeFunction()
    mapping = mappings.start(
        topic,
        function,
        clients=away,
        report_seconds=QUICKLY,
        metrics=frozenset({"EventCount", "ErrorCount", "KafkaMetrics"}),
        log_level="DEBUG",
    )
    for number in range(3):
        topic.write(1)
        wait_until(lambda: topic.committed(mapping.settings.group) == number + 1)  # noqa: B023 - waited for at once
    assert function.offsets(topic.label()) == [0, 1, 2]
