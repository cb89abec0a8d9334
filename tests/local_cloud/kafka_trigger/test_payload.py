import json
from base64 import b64decode
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from millrace_plugin.kafka_trigger.payload import Encoder, Envelope, record_size

Part = Any  # of a record, passed on as it is
ARN = "arn:aws:kafka:us-east-1:000000000000:cluster/millrace/1-1"


def encoded(**parts: Part) -> dict[str, Any]:
    defaults: dict[str, Part] = {"key": b"k", "value": b"v", "headers": None, "timestamp_type": "CREATE_TIME"}
    record = Encoder("t", 3).record(15, 1545084650987, **(defaults | parts))
    return dict(json.loads(record.body))


def test_p1_to_p4_an_event_of_msk_names_its_source_brokers_and_partitions() -> None:
    """The event is the documented object itself, not wrapped in Records."""
    record = Encoder("t", 0).record(1, 2, "CREATE_TIME", None, b"v", [])
    event = json.loads(Envelope("t", "b-1:9092,b-2:9092", ARN).event({0: [record]}))
    assert event == {
        "eventSource": "aws:kafka",
        "eventSourceArn": ARN,
        "bootstrapServers": "b-1:9092,b-2:9092",
        "records": {"t-0": [json.loads(record.body)]},
    }


def test_p2_an_event_of_a_self_managed_cluster_has_no_arn() -> None:
    """P1 and P2 for self-managed Kafka."""
    event = json.loads(Envelope("t", "b:9092", None).event({}))
    assert event == {"eventSource": "SelfManagedKafka", "bootstrapServers": "b:9092", "records": {}}


def test_p5_to_p7_a_record_has_the_documented_fields_in_their_types() -> None:
    """Numbers are integers, bytes are base64, the timestamp is in milliseconds."""
    assert encoded() == {
        "topic": "t",
        "partition": 3,
        "offset": 15,
        "timestamp": 1545084650987,
        "timestampType": "CREATE_TIME",
        "key": "aw==",
        "value": "dg==",
        "headers": [],
    }
    assert encoded(timestamp_type="LOG_APPEND_TIME")["timestampType"] == "LOG_APPEND_TIME"


def test_p8_a_null_key_is_absent_and_an_empty_one_is_an_empty_string() -> None:
    """Null and empty keys stay different."""
    assert "key" not in encoded(key=None)
    assert encoded(key=b"")["key"] == ""


def test_p9_a_tombstone_has_no_value_and_an_empty_value_is_an_empty_string() -> None:
    """Null and empty values stay different."""
    assert "value" not in encoded(value=None)
    assert encoded(value=b"")["value"] == ""


def test_p10_headers_keep_order_and_repeats_as_signed_bytes() -> None:
    """Bytes from 128 on are negative; a null header value is an empty array."""
    headers = [("a", b"\x00\x7f\x80\xff"), ("b", None), ("a", b"")]
    assert encoded(headers=headers)["headers"] == [{"a": [0, 127, -128, -1]}, {"b": []}, {"a": []}]


@given(
    st.none() | st.binary(),
    st.none() | st.binary(),
    st.lists(st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.binary())),
)
def test_p8_to_p10_any_record_comes_back_as_it_was(
    key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]
) -> None:
    """What a handler decodes equals what was in Kafka, whatever the bytes."""
    record = encoded(key=key, value=value, headers=headers)
    assert (b64decode(record["key"]) if "key" in record else None) == key
    assert (b64decode(record["value"]) if "value" in record else None) == value
    decoded = [
        (name, bytes(byte & 0xFF for byte in content)) for each in record["headers"] for name, content in each.items()
    ]
    assert decoded == headers


@given(st.dictionaries(st.integers(0, 200), st.lists(st.binary(max_size=50), min_size=1), min_size=1))
def test_b5_the_size_of_an_event_is_known_before_it_is_built(values: dict[int, list[bytes]]) -> None:
    """Base, partitions and records add up to the event's length, exactly."""
    envelope = Envelope("topic", "b:9092", ARN)
    records = {
        number: [Encoder("topic", number).record(0, 0, "CREATE_TIME", None, value, None) for value in each]
        for number, each in values.items()
    }
    partitions = sum(envelope.partition_size(number) + sum(map(record_size, each)) for number, each in records.items())
    assert len(envelope.event(records)) == envelope.base_size + partitions
