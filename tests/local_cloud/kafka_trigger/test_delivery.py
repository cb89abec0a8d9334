"""Batches, retries and commits on a real broker (sections 3, 4 and 7)."""

import json
import time
from base64 import b64decode
from collections.abc import Callable

import pytest

from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.invoker import Answer, NotInvokedError
from millrace_plugin.kafka_trigger.processing_result import FUNCTION_FAILED, OK
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.conftest import Mappings, Topic
from tests.local_cloud.kafka_trigger.fake_function import RAISED, SUCCESS, Batch, FakeFunction, Gate, report

NewTopic = Callable[..., Topic]


def balance(counters: Counters) -> int:
    """Return how many polled records are not accounted for (X1): those in flight."""
    settled = counters.FilteredOutEventCount + counters.CommittedEventCount + counters.DroppedEventCount
    return counters.PolledEventCount - settled - counters.ReturnedEventCount


def test_p1_to_p10_the_function_gets_the_record_as_it_is_in_kafka(topic: Topic, mappings: Mappings) -> None:
    """Key, value, headers, timestamp and coordinates of one record, through the real client."""
    topic.write(1, value=b"\xff\x00", key=b"", headers=[("h", b"\xfe"), ("h", b"1")], timestamp=1545084650987)
    function = FakeFunction()
    mappings.start(topic, function)
    wait_until(lambda: function.events)
    assert function.events[0]["records"] == {
        topic.label(): [
            {
                "topic": topic.name,
                "partition": 0,
                "offset": 0,
                "timestamp": 1545084650987,
                "timestampType": "CREATE_TIME",
                "key": "",
                "value": "/wA=",
                "headers": [{"h": [-2]}, {"h": [49]}],
            }
        ]
    }


def test_p7_p8_p9_a_tombstone_without_key_in_a_log_append_topic(new_topic: NewTopic, mappings: Mappings) -> None:
    """Null key and value are absent, and the broker's own time is called so."""
    topic = new_topic(message_timestamp_type="LogAppendTime")
    topic.write(1, value=None)
    function = FakeFunction()
    mappings.start(topic, function)
    wait_until(lambda: function.events)
    record = function.events[0]["records"][topic.label()][0]
    assert record["timestampType"] == "LOG_APPEND_TIME"
    assert not {"key", "value"} & record.keys()


def test_b1_no_batch_is_larger_than_the_batch_size_and_order_is_kept(topic: Topic, mappings: Mappings) -> None:
    """A backlog comes in whole batches, in offset order, once."""
    topic.write(25)
    function = FakeFunction()
    mapping = mappings.start(topic, function, batch_size=10, window_seconds=0.5)
    wait_until(lambda: mapping.counters.CommittedEventCount == 25)
    assert [len(batch[topic.label()]) for batch in function.batches] == [10, 10, 5]
    assert function.offsets(topic.label()) == list(range(25))


@pytest.mark.parametrize("window", [0.5, 1])
def test_b2_an_unfull_batch_is_sent_when_its_window_ends(window: float, topic: Topic, mappings: Mappings) -> None:
    """Neither before (500 ms is what an unset window means) nor much later."""
    function = FakeFunction()
    mapping = mappings.start(topic, function, window_seconds=window)
    wait_until(lambda: mapping.processing_result.value == OK)
    topic.write(1)
    written = time.monotonic()
    topic.write(1)
    wait_until(lambda: function.events)
    assert window * 0.9 <= time.monotonic() - written <= window + 3
    assert function.batches == [{topic.label(): [0, 1]}]


def test_b8_a_record_above_six_megabytes_is_dropped_and_the_next_is_delivered(
    new_topic: NewTopic, mappings: Mappings, caplog: pytest.LogCaptureFixture
) -> None:
    """It is not retried, is counted and named in a warning, and its offset is committed."""
    topic = new_topic(max_message_bytes="20000000")
    topic.write(1, value=b"x" * 5_000_000)
    topic.write(1)
    function = FakeFunction()
    mapping = mappings.start(topic, function)
    wait_until(lambda: topic.committed(mapping.settings.group) == 2)
    assert function.offsets(topic.label()) == [1]
    assert mapping.counters.DroppedEventCount == 1
    assert any("MaximumPayloadSizeExceeded" in each and topic.label() in each for each in caplog.messages)


def test_r7_a_failed_batch_is_retried_whole_until_it_succeeds(
    topic: Topic, mappings: Mappings, quick_retries: None
) -> None:
    """Without ReportBatchItemFailures nothing of it is committed before; later records wait (C1)."""
    topic.write(3)
    failures = iter([RAISED, RAISED])
    function = FakeFunction(lambda _: next(failures, SUCCESS))
    mapping = mappings.start(topic, function, batch_size=3)
    wait_until(lambda: len(function.batches) >= 2)
    topic.write(1)
    wait_until(lambda: topic.committed(mapping.settings.group) == 4)
    assert function.offsets(topic.label()) == [0, 1, 2, 0, 1, 2, 0, 1, 2, 3]
    assert mapping.counters.FailedInvokeEventCount == 6


def test_r10_only_what_failed_comes_again_and_the_prefix_is_committed(
    topic: Topic, mappings: Mappings, quick_retries: None
) -> None:
    """Failed 2 and 4 of 0 to 4: commit 2, send 2 and 4 again, then commit everything."""
    topic.write(5)
    gate = Gate()

    def behave(batch: Batch) -> Answer:
        if len(batch[topic.label()]) == 5:
            return report((topic.label(), 2), (topic.label(), 4))
        return gate(batch)

    function = FakeFunction(behave)
    mapping = mappings.start(topic, function, batch_size=5, window_seconds=1, reports_failures=True)
    assert gate.entered.wait(10)
    wait_until(lambda: topic.committed(mapping.settings.group) == 2)
    gate.open()
    wait_until(lambda: topic.committed(mapping.settings.group) == 5)
    assert function.offsets(topic.label()) == [0, 1, 2, 3, 4, 2, 4]


def test_r9_an_unknown_identifier_retries_the_entire_batch(
    topic: Topic, mappings: Mappings, quick_retries: None
) -> None:
    """A response that names what was not sent settles nothing."""
    topic.write(2)
    answers = iter([report((topic.label(), 77))])
    function = FakeFunction(lambda _: next(answers, SUCCESS))
    mapping = mappings.start(topic, function, batch_size=2, window_seconds=1, reports_failures=True)
    wait_until(lambda: mapping.counters.CommittedEventCount == 2)
    assert function.offsets(topic.label()) == [0, 1, 0, 1]


def test_c7_a_blocked_partition_resumes_in_order_while_the_other_goes_on(
    new_topic: NewTopic, mappings: Mappings, quick_retries: None
) -> None:
    """A transiently failing record holds up its own partition, and that one only."""
    topic = new_topic(2)
    topic.write(20, partition=0)
    topic.write(20, partition=1)
    broken = True

    def behave(batch: Batch) -> Answer:
        mine = batch.get(topic.label(0), [])
        failed = (
            [(topic.label(0), offset) for offset in mine if offset >= 5] if broken and max(mine, default=0) >= 5 else []
        )
        return report(*failed)

    function = FakeFunction(behave)
    mapping = mappings.start(topic, function, batch_size=4, reports_failures=True)
    group = mapping.settings.group
    wait_until(lambda: topic.committed(group, 1) == 20)
    wait_until(lambda: topic.committed(group, 0) == 5)
    wait_until(lambda: mapping.processing_result.value == FUNCTION_FAILED)
    topic.write(20, partition=1)
    wait_until(lambda: topic.committed(group, 1) == 40)
    assert topic.committed(group, 0) == 5
    broken = False
    wait_until(lambda: topic.committed(group, 0) == 20)
    settled = list(dict.fromkeys(function.offsets(topic.label(0))))
    assert settled == list(range(20))
    wait_until(lambda: mapping.processing_result.value == OK)
    assert balance(mapping.counters) == 0


def test_c1_partitions_are_invoked_concurrently_but_each_one_at_a_time(new_topic: NewTopic, mappings: Mappings) -> None:
    """With one partition's invocation under way, the other's begins, and no second one of the first."""
    topic = new_topic(2)
    topic.write(4, partition=0)
    gate = Gate()
    function = FakeFunction(lambda batch: gate(batch) if topic.label(0) in batch else SUCCESS)
    mapping = mappings.start(topic, function, batch_size=1)
    assert gate.entered.wait(10)
    topic.write(3, partition=1)
    wait_until(lambda: topic.committed(mapping.settings.group, 1) == 3)
    assert function.offsets(topic.label(0)) == [0]
    gate.open()
    wait_until(lambda: topic.committed(mapping.settings.group, 0) == 4)


def test_r16_exhausted_records_are_dropped_and_the_partition_goes_on(
    topic: Topic, mappings: Mappings, quick_retries: None, caplog: pytest.LogCaptureFixture
) -> None:
    """One attempt and two retries without a destination, then the next record."""
    topic.write(2)
    function = FakeFunction(lambda batch: RAISED if batch[topic.label()] == [0] else SUCCESS)
    mapping = mappings.start(topic, function, batch_size=1, maximum_retries=2)
    wait_until(lambda: topic.committed(mapping.settings.group) == 2)
    assert function.offsets(topic.label()) == [0, 0, 0, 1]
    assert (mapping.counters.DroppedEventCount, mapping.counters.CommittedEventCount) == (1, 1)
    assert any("RetriesExhausted" in message for message in caplog.messages)


def test_c8_throttles_are_no_attempts(topic: Topic, mappings: Mappings, quick_retries: None) -> None:
    """With no retries allowed, a record still survives any number of throttles."""
    topic.write(1)
    throttles = iter(range(4))

    def behave(_batch: Batch) -> Answer:
        if next(throttles, None) is not None:
            raise NotInvokedError("TooManyRequestsException: Rate Exceeded.")
        return SUCCESS

    mapping = mappings.start(topic, FakeFunction(behave), maximum_retries=0)
    wait_until(lambda: topic.committed(mapping.settings.group) == 1)
    assert mapping.counters.DroppedEventCount == 0
    assert mapping.counters.InvokedEventCount == 1


def test_r2_r16_exhausted_records_go_to_the_kafka_destination_before_they_are_committed(
    new_topic: NewTopic, mappings: Mappings, quick_retries: None
) -> None:
    """One message per record of the documented shape, with the record's key (D-order, section 8.3)."""
    topic, dead = new_topic(), new_topic()
    topic.write(1, key=b"the-key", timestamp=1749116692330)
    topic.write(1)
    function = FakeFunction(lambda _: RAISED)
    arn = "arn:aws:kafka:us-east-1:000000000000:cluster/millrace/1-1"
    mapping = mappings.start(
        topic, function, source_arn=arn, maximum_retries=1, destination=f"kafka://{dead.name}", batch_size=2
    )
    wait_until(lambda: topic.committed(mapping.settings.group) == 2)
    first, second = dead.read(2)
    assert (first.key(), second.key()) == (b"the-key", None)
    document = json.loads(first.value())
    timestamp, size = document.pop("timestamp"), document["KafkaBatchInfo"].pop("payloadSize")
    assert timestamp.endswith("Z")
    assert len(timestamp) == len("2019-11-14T18:16:05.568Z")
    assert size == len(json.dumps(document["payload"], separators=(",", ":")))
    assert b64decode(document["payload"]["records"][topic.label()][0]["value"]) == b"value"
    payload = document.pop("payload")
    assert payload["eventSourceArn"] == arn
    assert [len(records) for records in payload["records"].values()] == [1]
    assert document == {
        "requestContext": {
            "requestId": "request-1",
            "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "KafkaBatchInfo": {
            "batchSize": 1,
            "eventSourceArn": arn,
            "bootstrapServers": topic.bootstrap,
            "recordInfo": {"offset": "0", "timestamp": "2025-06-05T09:44:52.330Z"},
        },
    }
    assert mapping.counters.OnFailureDestinationDeliveredEventCount == 2


def test_r17_a_destination_that_is_down_blocks_and_loses_nothing(
    new_topic: NewTopic, mappings: Mappings, quick_retries: None
) -> None:
    """Delivery is tried again until the topic is there; nothing is committed before."""
    topic, dead = new_topic(), new_topic(0)
    topic.write(1)
    mapping = mappings.start(
        topic, FakeFunction(lambda _: RAISED), maximum_retries=0, destination=f"kafka://{dead.name}"
    )
    wait_until(lambda: mapping.counters.OnFailureDestinationDeliveryErrorCount, seconds=30)
    assert topic.committed(mapping.settings.group) < 0
    assert mapping.counters.DroppedEventCount == 0
    dead.create(1)
    wait_until(lambda: topic.committed(mapping.settings.group) == 1, seconds=30)
    assert len(dead.read(1)) == 1


def test_a_dead_letter_too_large_for_its_topic_is_delivered_without_payload(
    new_topic: NewTopic, mappings: Mappings, quick_retries: None
) -> None:
    """A record near the broker's limit must not block its partition (section 8.3)."""
    topic, dead = new_topic(), new_topic()
    topic.write(1, value=b"x" * 900_000)
    topic.write(1)
    mapping = mappings.start(
        topic, FakeFunction(lambda _: RAISED), maximum_retries=0, destination=f"kafka://{dead.name}", batch_size=2
    )
    wait_until(lambda: topic.committed(mapping.settings.group) == 2)
    documents = {
        json.loads(each.value())["KafkaBatchInfo"]["recordInfo"]["offset"]: json.loads(each.value())
        for each in dead.read(2)
    }
    assert documents["0"]["payload"] is None
    assert documents["1"]["payload"]["records"]


def test_x1_the_counters_balance_after_a_mixed_run(
    new_topic: NewTopic, mappings: Mappings, quick_retries: None
) -> None:
    """Polled equals settled plus dropped, with failures, drops and successes mixed over three partitions."""
    topic = new_topic(3)
    for partition in range(3):
        topic.write(30, partition=partition)

    def behave(batch: Batch) -> Answer:
        return report(*[(label, offset) for label, offsets in batch.items() for offset in offsets if offset % 7 == 3])

    mapping = mappings.start(topic, FakeFunction(behave), batch_size=9, reports_failures=True, maximum_retries=1)
    counters = mapping.counters
    wait_until(lambda: counters.CommittedEventCount + counters.DroppedEventCount == 90)
    assert counters.PolledEventCount == 90
    assert counters.DroppedEventCount == 12
    assert counters.InvokedEventCount == 102
    assert counters.FailedInvokeEventCount == 24
    assert balance(counters) == 0
