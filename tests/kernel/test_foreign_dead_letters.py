"""Dead letters of any origin: each dialect is read, and nothing broken raises."""

import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.messaging import foreign_dead_letters
from kernel.messaging.foreign_dead_letters import Letter
from kernel.messaging.log_record import LogHeader, LogRecord
from tests.kit.lambda_events import record

STACKTRACE = """org.springframework.kafka.listener.ListenerExecutionFailedException: Listener threw an exception
\tat org.springframework.kafka.listener.Container.decorate(Container.java:2951)
Caused by: java.lang.IllegalStateException: no stock for 5
\tat com.acme.shop.Stock.take(Stock.java:42)
\tat com.acme.shop.Orders.on(Orders.java:17)
"""
SPRING: list[LogHeader] = [
    ("kafka_dlt-original-topic", b"orders"),
    ("kafka_dlt-original-partition", struct.pack(">i", 3)),
    ("kafka_dlt-original-offset", struct.pack(">q", 1234567)),
    ("kafka_dlt-original-timestamp", struct.pack(">q", 1_700_000_000_123)),
    ("kafka_dlt-original-timestamp-type", b"CreateTime"),
    ("kafka_dlt-original-consumer-group", b"shop"),
    ("kafka_dlt-exception-fqcn", b"org.springframework.kafka.listener.ListenerExecutionFailedException"),
    ("kafka_dlt-exception-cause-fqcn", b"java.lang.IllegalStateException"),
    ("kafka_dlt-exception-message", b"Listener threw an exception"),
    ("kafka_dlt-exception-stacktrace", STACKTRACE.encode()),
]
CONNECT: list[LogHeader] = [
    ("__connect.errors.topic", b"orders"),
    ("__connect.errors.partition", b"3"),
    ("__connect.errors.offset", b"17"),
    ("__connect.errors.connector.name", b"to-postgres"),
    ("__connect.errors.task.id", b"0"),
    ("__connect.errors.stage", b"VALUE_CONVERTER"),
    ("__connect.errors.class.name", b"org.apache.kafka.connect.json.JsonConverter"),
    ("__connect.errors.exception.class.name", b"org.apache.kafka.connect.errors.DataException"),
    ("__connect.errors.exception.message", b"Converting byte[] failed at 5"),
    ("__connect.errors.exception.stacktrace", STACKTRACE.encode()),
]
SHARE_GROUP: list[LogHeader] = [
    ("__dlq.errors.topic", b"orders"),
    ("__dlq.errors.partition", b"3"),
    ("__dlq.errors.offset", b"17"),
    ("__dlq.errors.group", b"workers"),
    ("__dlq.errors.delivery.count", b"5"),
    ("__dlq.errors.message", b"Offset delivery count exceeded the threshold."),
]
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:shop:$LATEST"


def read(headers: list[LogHeader], value: bytes | None = b"{}") -> Letter:
    return foreign_dead_letters.read(LogRecord("orders-dlq", 0, 5, 1, b"k", value, headers))


def place(letter: Letter) -> tuple[object, ...]:
    return letter.dialect, letter.topic, letter.partition, letter.offset, letter.timestamp, letter.consumer


def test_reads_springs() -> None:
    """Its numbers are binary; the cause is what the listener threw, at the innermost frame."""
    letter = read(SPRING)

    assert place(letter) == ("spring", "orders", 3, 1234567, 1_700_000_000_123, "shop")
    assert letter.error_class == "java.lang.IllegalStateException"
    assert letter.where == "com.acme.shop.Stock.take(Stock.java:42)"


def test_springs_original_is_the_first_one() -> None:
    """A record that passed through retry topics has the headers of each."""
    assert read([*SPRING, ("kafka_dlt-original-topic", b"orders-retry")]).topic == "orders"


def test_reads_connects() -> None:
    """Its numbers are text; the consumer is the group of the connector."""
    letter = read(CONNECT)

    assert place(letter) == ("connect", "orders", 3, 17, None, "connect-to-postgres")
    assert letter.error_class == "org.apache.kafka.connect.errors.DataException"
    assert letter.error_message == "Converting byte[] failed at 5"
    assert read(CONNECT[:-1]).where == "org.apache.kafka.connect.json.JsonConverter"


def test_reads_those_of_share_groups() -> None:
    """They have no exception, and perhaps no value."""
    letter = read(SHARE_GROUP, None)

    assert place(letter) == ("share-group", "orders", 3, 17, None, "workers")
    assert (letter.attempts, letter.error_class) == (5, None)
    assert letter.error_message == "Offset delivery count exceeded the threshold."


def of_trigger(**changes: object) -> dict[str, Any]:
    """A document of a mapping for one record, as AWS's guide and the local trigger write it."""
    return {
        "requestContext": {
            "requestId": "r",
            "functionArn": FUNCTION,
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2026-11-27T12:00:00.000Z",
        "KafkaBatchInfo": {
            "batchSize": 1,
            "bootstrapServers": "b:9092",
            "payloadSize": 1,
            "recordInfo": {"offset": "17", "timestamp": "2023-11-14T22:13:20.017Z"},
        },
        "payload": {"eventSource": "aws:kafka", "records": {"events-3": [record(b"v", 17, partition=3, key=b"in")]}},
    } | changes


def test_reads_a_triggers() -> None:
    """The record is in its payload; without one, as when it was too large, the offset is known."""
    letter = read([], json.dumps(of_trigger()).encode())
    assert place(letter) == ("trigger", "events", 3, 17, 1_700_000_000_017, None)
    assert (letter.error_class, letter.error_message, letter.attempts) == ("RetriesExhausted", "Unhandled", 3)

    for offset in (0, 17):
        info = {"recordInfo": {"offset": str(offset)}}
        bare = read([], json.dumps(of_trigger(payload=None, KafkaBatchInfo=info)).encode())
        assert place(bare) == ("trigger", None, None, offset, None, None)


def test_reads_a_triggers_batch() -> None:
    """As it is sent to SQS, and to S3 with the payload as text: the place is that of its first record."""
    span = {"firstRecordOffset": "17", "lastRecordOffset": "19", "firstRecordTimestamp": "2023-11-14T22:13:20.017Z"}
    info = {"batchSize": 3, "recordsInfo": {"my-events-3": span}}
    to_sqs = of_trigger(KafkaBatchInfo=info, payload=None, responseContext=None)
    assert place(read([], json.dumps(to_sqs).encode()))[:4] == ("trigger", "my-events", 3, 17)

    to_s3 = of_trigger(KafkaBatchInfo=info, payload=json.dumps(of_trigger()["payload"]))
    assert place(read([], json.dumps(to_s3).encode()))[:4] == ("trigger", "events", 3, 17)


def test_of_the_unknown_nothing_is_claimed() -> None:
    assert read([("x", b"y")], b"anything") == Letter("unknown")


@pytest.mark.parametrize(
    ("headers", "name", "changed"),
    [
        (SPRING, "kafka_dlt-exception-stacktrace", STACKTRACE.replace("Stock.java:42", "Stock.java:57").encode()),
        (SPRING, "kafka_dlt-original-offset", struct.pack(">q", 5)),
        (CONNECT[:-1], "__connect.errors.exception.message", b"Converting byte[] failed at 7"),
        (SHARE_GROUP, "__dlq.errors.delivery.count", b"6"),
    ],
)
def test_a_computed_fingerprint_is_that_of_the_cause(headers: list[LogHeader], name: str, changed: bytes) -> None:
    """Not of the line, and not of the record's place or values."""
    other: list[LogHeader] = [(header, changed if header == name else value) for header, value in headers]

    assert read(headers).fingerprint == read(other).fingerprint is not None
    assert len({read(several).fingerprint for several in (SPRING, CONNECT, SHARE_GROUP)}) == 3


OURS = ("id", "topic", "partition", "offset", "timestamp", "attempts", "fingerprint", "error_where", "error_message")
NAMES = [name for name, _ in SPRING + CONNECT + SHARE_GROUP] + [f"dlq_{name}" for name in OURS]
NAMES += ["redrive_count", "redrive_partition", "redrive_offset"]


@given(
    headers=st.lists(st.tuples(st.sampled_from(NAMES), st.none() | st.binary(max_size=12))),
    value=st.none() | st.binary(max_size=20),
)
def test_broken_headers_never_raise(headers: list[LogHeader], value: bytes | None) -> None:
    """What cannot be used is None, and the rest is read."""
    several = LogRecord("orders-dlq", 0, 5, 1, None, value, headers)
    assert foreign_dead_letters.read(several).redrive_count >= 0
    foreign_dead_letters.original(several)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=5,
)
RECORDS = st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("topic", "partition", "offset", "key", "value", "headers"), JSON)
)
BATCHES = st.fixed_dictionaries(
    {}, optional={"recordInfo": JSON, "recordsInfo": st.dictionaries(st.text(max_size=5), JSON)}
)
PAYLOADS = st.builds(lambda each: {"records": {"t-1": [each]}}, RECORDS) | JSON


@given(
    changes=st.fixed_dictionaries(
        {},
        optional={
            "requestContext": JSON,
            "responseContext": JSON,
            "KafkaBatchInfo": BATCHES | JSON,
            "payload": PAYLOADS,
        },
    )
)
def test_broken_documents_never_raise(changes: dict[str, object]) -> None:
    """Whatever a member is."""
    value = json.dumps(of_trigger(**changes)).encode()

    assert read([], value).dialect in ("trigger", "unknown")
    foreign_dead_letters.original(LogRecord("orders-dlq", 0, 5, 1, None, value, []))
