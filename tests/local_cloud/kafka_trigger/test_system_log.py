"""The events of a mapping's system log, in the shapes of AWS (esm-logging)."""

import json
import logging
from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from millrace_plugin.kafka_trigger import log_stream, system_log
from millrace_plugin.kafka_trigger.clients import Client
from millrace_plugin.kafka_trigger.log_stream import LogStream
from millrace_plugin.kafka_trigger.offsets import PartitionOffsets, Position
from millrace_plugin.kafka_trigger.settings import Settings
from millrace_plugin.kafka_trigger.system_log import CURRENT, SystemLog
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.conftest import FUNCTION_ARN

CLUSTER = "arn:aws:kafka:us-east-1:000000000000:cluster/c/1"
LOG = logging.getLogger(f"{system_log.PACKAGE}.some_module")


def settings(level: str | None = "DEBUG", source_arn: str | None = CLUSTER) -> Settings:
    return Settings("uuid-1", FUNCTION_ARN, "orders", "group-1", "b:9092", source_arn, log_level=level)


class Events:
    """A system log with the events that it has put."""

    def __init__(self, level: str | None = "DEBUG", source_arn: str | None = CLUSTER) -> None:
        self.all: list[dict[str, Any]] = []
        self.log = SystemLog(settings(level, source_arn), lambda _, line: self.all.append(json.loads(line)))

    def everything(self) -> list[str]:
        """Log one event of each kind. Returns what was put."""
        self.log.problem("no", "Error")
        self.log.assigned(2, [0, 1])
        self.log.offsets([PartitionOffsets(1, 5004, 5004, 0)], {1: Position(5004, 5004)})
        return [event["eventType"] for event in self.all]

    def during(self, log: Callable[[], object]) -> dict[str, Any]:
        """Return the event that *log* makes in a thread of this mapping."""
        system_log.install()

        def run() -> None:
            CURRENT.set(self.log)
            log()

        thread = Thread(target=run)
        thread.start()
        thread.join()
        (event,) = self.all
        return event


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ("DEBUG", ["ESM_PROCESSING_EVENT", "POLLER_STATUS_EVENT", "KAFKA_STATUS_EVENT"]),
        ("INFO", ["ESM_PROCESSING_EVENT", "POLLER_STATUS_EVENT"]),
        ("WARN", ["ESM_PROCESSING_EVENT"]),
        (None, []),
    ],
)
def test_a_level_holds_back_what_is_more_detailed(level: str | None, kinds: list[str]) -> None:
    """Without LoggingConfig there is nothing."""
    assert Events(level).everything() == kinds


def test_the_events_have_the_shapes_of_aws() -> None:
    """Common members first, then those of the kind; offsets are those of last records, but the committed one."""
    events = Events()
    events.everything()
    warning, status, offsets = events.all
    common = {
        "resourceArn": "arn:aws:lambda:us-east-1:000000000000:event-source-mapping:uuid-1",
        "eventSourceArn": CLUSTER,
        "eventProcessorId": "uuid-1/0",
    }
    assert all(isinstance(event.pop("timestamp"), int) for event in events.all)
    assert warning == {
        "eventType": "ESM_PROCESSING_EVENT",
        **common,
        "logLevel": "WARN",
        "error": {"errorMessage": "no", "errorCode": "Error"},
    }
    assert status == {
        "eventType": "POLLER_STATUS_EVENT",
        **common,
        "logLevel": "INFO",
        "kafkaEventSourceConnection": {
            "brokerEndpoints": "b:9092",
            "consumerId": "uuid-1-0",
            "topics": ["orders"],
            "consumerGroupId": "group-1",
            "securityProtocol": "PLAINTEXT",
            "totalPartitionCount": 2,
            "assignedPartitionCount": 2,
            "partitionsAssignmentGeneration": 1,
            "assignedPartitions": ["orders-0", "orders-1"],
        },
    }
    assert offsets == {
        "eventType": "KAFKA_STATUS_EVENT",
        **common,
        "logLevel": "DEBUG",
        "kafkaPartitionOffsets": {
            "partition": "orders-1",
            "endOffset": 5004,
            "consumedOffset": 5003,
            "processedOffset": 5003,
            "committedOffset": 5004,
        },
    }


def test_a_self_managed_source_has_no_arn() -> None:
    """As in the function's event."""
    events = Events(source_arn=None)
    events.everything()
    assert not any("eventSourceArn" in event for event in events.all)


def test_offsets_of_partitions_that_another_member_owns_are_not_logged() -> None:
    """Each member of a group logs its own."""
    events = Events()
    events.log.offsets([PartitionOffsets(0, 1, 1, 0), PartitionOffsets(1, 1, 1, 0)], {1: Position(1, 1)})
    assert [event["kafkaPartitionOffsets"]["partition"] for event in events.all] == ["orders-1"]


def test_a_warning_of_any_module_goes_to_the_mapping_of_its_thread() -> None:
    """And to no other, with the name of the error that it is about."""
    other = Events()
    event = Events().during(lambda: LOG.warning("%s has failed: %s", "it", ValueError("no")))
    assert event["error"] == {"errorMessage": "it has failed: no", "errorCode": "ValueError"}
    assert not other.all


@pytest.mark.parametrize(
    ("argument", "code"),
    [
        (KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART)), "UNKNOWN_TOPIC_OR_PART"),
        (KafkaError(KafkaError.REQUEST_TIMED_OUT), "REQUEST_TIMED_OUT"),
        ("a text", "ERROR"),
    ],
)
def test_the_error_code_names_the_error_of_kafka_or_the_level(argument: object, code: str) -> None:
    """Modules log what they have: an exception, an error of librdkafka, or words."""
    assert Events().during(lambda: LOG.error("not committed: %s", argument))["error"]["errorCode"] == code


def test_what_is_below_a_warning_is_no_event() -> None:
    """The INFO and DEBUG of the system log are events of their own kinds."""

    def log() -> None:
        LOG.info("detail")
        LOG.warning("trouble")

    event = Events().during(log)
    assert event["error"]["errorMessage"] == "trouble"


class Recorder:
    """A client of CloudWatch Logs that keeps its events, or fails if *fails*."""

    class exceptions:  # noqa: N801 - boto3's name
        class ResourceNotFoundException(Exception):  # noqa: N818 - boto3's name
            pass

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.failures = 0
        self.messages: list[str] = []
        self.groups: set[str] = set()

    def __call__(self, service: str, account: str, region: str) -> Client:
        return self

    def get_function_configuration(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        assert FunctionName == FUNCTION_ARN
        return {"LoggingConfig": {"LogGroup": "/own"}}

    def put_log_events(self, **request: Any) -> None:  # noqa: ANN401 - boto3's parameters
        if self.fails:
            self.failures += 1
            raise ConnectionError("CloudWatch is away")
        self.groups.add(request["logGroupName"])
        self.messages += [event["message"] for event in request["logEvents"]]


def test_lines_come_in_order_into_the_functions_own_group() -> None:
    """LoggingConfig.LogGroup of the function; `close` delivers what is buffered."""
    recorder = Recorder()
    stream = LogStream(settings(), recorder)
    stream.start()
    for number in range(120):
        stream.put(number, str(number))
    stream.close()
    assert recorder.messages == [str(number) for number in range(120)]
    assert recorder.groups == {"/own"}


def test_too_many_lines_are_dropped_and_nobody_waits() -> None:
    """The buffer is bounded: the first are kept."""
    recorder = Recorder()
    stream = LogStream(settings(), recorder)
    for number in range(log_stream.MOST_LINES + 10):
        stream.put(number, str(number))
    stream.start()
    stream.close()
    assert len(recorder.messages) == log_stream.MOST_LINES


def test_logs_that_cannot_be_saved_disturb_nothing() -> None:
    """What comes afterwards arrives."""
    recorder = Recorder(fails=True)
    stream = LogStream(settings(), recorder)
    stream.start()
    stream.put(1, "lost")
    wait_until(lambda: recorder.failures)
    recorder.fails = False
    stream.put(2, "saved")
    stream.close()
    assert recorder.messages == ["saved"]
