"""The documents equal AWS's own examples, byte by byte (sections 8.1 to 8.3)."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from millrace_plugin.kafka_trigger.destinations.documents import Documents, iso
from millrace_plugin.kafka_trigger.failure import Condition, Failure
from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.payload import Encoder, Record
from millrace_plugin.kafka_trigger.settings import Settings

NOW = datetime(2019, 11, 14, 0, 38, 6, 21_987, tzinfo=UTC)
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:myfunction"
CLUSTER = "arn:aws:kafka:us-east-1:123456789012:cluster/vpc/751d2973-2"
ANSWER = Answer(b'{"errorMessage": "no"}', function_error="Unhandled", request_id="316aa6d0")
ENCODER = Encoder("Topic", 1)


def settings(source_arn: str | None = CLUSTER, function_arn: str = FUNCTION) -> Settings:
    return Settings("uuid-1", function_arn, "Topic", "group", "b-1:9092,b-2:9092", source_arn)


def record(offset: int, timestamp: int = 1573691884835) -> Record:
    return ENCODER.record(offset, timestamp, "CREATE_TIME", b"k", b'"quoted"', None)


def failure(condition: Condition = "RetriesExhausted", answer: Answer | None = ANSWER, attempts: int = 3) -> Failure:
    return Failure(1, [record(4960), record(4961), record(5210, 1573691885580)], condition, attempts, answer)


def written(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document as its reader decodes it."""
    read: dict[str, Any] = orjson.loads(orjson.dumps(document))
    return read


def test_8_1_a_queue_and_a_topic_get_metadata_of_the_whole_failure() -> None:
    """Keys, their order and the types are those of AWS's example."""
    document = written(Documents(settings()).metadata(failure(), NOW))
    size = document["KafkaBatchInfo"].pop("payloadSize")
    assert list(document) == ["requestContext", "responseContext", "version", "timestamp", "KafkaBatchInfo"]
    assert document == {
        "requestContext": {
            "requestId": "316aa6d0",
            "functionArn": FUNCTION,
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 3,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "version": "1.0",
        "timestamp": "2019-11-14T00:38:06.021Z",
        "KafkaBatchInfo": {
            "batchSize": 3,
            "eventSourceArn": CLUSTER,
            "bootstrapServers": "b-1:9092,b-2:9092",
            "recordsInfo": {
                "Topic-1": {
                    "firstRecordOffset": "4960",
                    "lastRecordOffset": "5210",
                    "firstRecordTimestamp": "2019-11-14T00:38:04.835Z",
                    "lastRecordTimestamp": "2019-11-14T00:38:05.580Z",
                }
            },
        },
    }
    assert size == len(Documents(settings()).with_payload(failure(), NOW)["payload"].encode())


def test_8_2_a_bucket_gets_the_metadata_and_the_event_as_an_escaped_string() -> None:
    """`payload` is a string that holds the JSON of the records that failed."""
    documents = Documents(settings())
    document = written(documents.with_payload(failure(), NOW))
    payload = document.pop("payload")
    assert document == written(documents.metadata(failure(), NOW))
    assert isinstance(payload, str)
    event = orjson.loads(payload)
    assert event["eventSource"] == "aws:kafka"
    assert [each["offset"] for each in event["records"]["Topic-1"]] == [4960, 4961, 5210]


def test_8_3_a_kafka_topic_gets_a_document_for_each_record() -> None:
    """The condition is spelt differently, `recordInfo` is singular, `payload` an object, and the ARN is qualified."""
    document = written(Documents(settings()).of_record(failure(), record(4961), NOW))
    assert document["requestContext"]["condition"] == "RetriesExhausted"
    assert document["requestContext"]["functionArn"] == f"{FUNCTION}:$LATEST"
    assert document["KafkaBatchInfo"]["batchSize"] == 1
    assert document["KafkaBatchInfo"]["recordInfo"] == {"offset": "4961", "timestamp": "2019-11-14T00:38:04.835Z"}
    assert "recordsInfo" not in document["KafkaBatchInfo"]
    assert [each["offset"] for each in document["payload"]["records"]["Topic-1"]] == [4961]


def test_8_3_the_arn_of_an_alias_stays_as_it_is() -> None:
    """Only an unqualified ARN means the latest version."""
    document = Documents(settings(function_arn=f"{FUNCTION}:live")).of_record(failure(), record(1), NOW)
    assert document["requestContext"]["functionArn"] == f"{FUNCTION}:live"


@pytest.mark.parametrize("condition", ["RecordAgeExceeded", "MaximumPayloadSizeExceeded", "RecordNotRepresentable"])
def test_b8_d_age_what_the_function_never_got_has_no_response(condition: Condition) -> None:
    """`responseContext` is null, the count 0, and the request has an id."""
    document = written(Documents(settings()).metadata(failure(condition, answer=None, attempts=0), NOW))
    assert document["responseContext"] is None
    assert document["requestContext"]["condition"] == condition
    assert document["requestContext"]["approximateInvokeCount"] == 0
    assert document["requestContext"]["requestId"]


def test_d_self_a_self_managed_source_has_no_arn() -> None:
    """`eventSourceArn` is left out, in the event of a bucket's document too."""
    document = written(Documents(settings(source_arn=None)).with_payload(failure(), NOW))
    assert "eventSourceArn" not in document["KafkaBatchInfo"]
    assert "eventSourceArn" not in orjson.loads(document["payload"])


@pytest.mark.parametrize(
    ("milliseconds", "expected"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "+010000-01-01T00:00:00.000Z"),
        (-62_167_219_200_000, "0000-01-01T00:00:00.000Z"),
        (-62_167_219_200_001, "-000001-12-31T23:59:59.999Z"),
        (2**63 - 1, "+292278994-08-17T07:12:55.807Z"),
        (-(2**63), "-292275055-05-16T16:47:04.192Z"),
    ],
)
def test_every_timestamp_that_kafka_takes_can_be_written(milliseconds: int, expected: str) -> None:
    """The expected values of the extremes are those of java.time.Instant."""
    assert iso(milliseconds) == expected


def test_absurd_timestamps_do_not_keep_a_record_from_its_destination() -> None:
    """Producers choose the timestamp of a record: 64 bits, and any of them."""
    records = [record(0, 2**63 - 1), record(1, -(2**63))]
    document = Documents(settings()).with_payload(Failure(1, records, "RetriesExhausted", 1, ANSWER), NOW)
    span = document["KafkaBatchInfo"]["recordsInfo"]["Topic-1"]
    assert span["firstRecordTimestamp"].startswith("+292278994")
    assert span["lastRecordTimestamp"].startswith("-292275055")


def test_d3_the_largest_metadata_is_far_below_the_limit_of_sns() -> None:
    """The longest topic name and ten brokers: a topic never needs to be without its document."""
    brokers = ",".join(["b" * 300 + ":9092"] * 10)
    mapping = Settings("uuid-1", FUNCTION, "t" * 249, "group", brokers, None)
    assert len(orjson.dumps(Documents(mapping).metadata(failure(), NOW))) < 8 * 1024
