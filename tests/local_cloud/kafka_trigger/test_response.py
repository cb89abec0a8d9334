import json

import pytest

from millrace_plugin.kafka_trigger.response import MalformedResponseError, parse_failed_offsets

SENT = {"t-0": {100, 101, 102}, "t-1": {7}}


def answer(*identifiers: object) -> bytes:
    return json.dumps({"batchItemFailures": [{"itemIdentifier": each} for each in identifiers]}).encode()


@pytest.mark.parametrize(
    "empty", [b"", b"null", b"{}", b'{"batchItemFailures": []}', b'{"batchItemFailures": null}', b'{"statusCode": 200}']
)
def test_r8_an_answer_that_names_no_failure_is_success(empty: bytes) -> None:
    """Empty JSON, null and an empty list settle the batch."""
    assert parse_failed_offsets(empty, SENT) == {}


def test_r10_failures_are_given_by_partition() -> None:
    """Each identifier is an object of partition label and integer offset."""
    reported = answer(
        {"partition": "t-0", "offset": 102}, {"partition": "t-1", "offset": 7}, {"partition": "t-0", "offset": 100}
    )
    assert parse_failed_offsets(reported, SENT) == {"t-0": {100, 102}, "t-1": {7}}


@pytest.mark.parametrize(
    "malformed",
    [
        answer({"partition": "t-0", "offset": 99}),
        answer({"partition": "t-2", "offset": 100}),
        answer({"partition": "t-0", "offset": 100}, {"partition": "t-0", "offset": 1}),
        answer("t-0-100"),
        answer(None),
        answer({"topic-partition": "t-0", "offset": 100}),
        answer({"partition": "t-0", "offset": "100"}),
        answer({"partition": "t-0", "offset": True}),
        b'{"batchItemFailures": [{}]}',
        b'{"batchItemFailures": "t-0"}',
        b'"done"',
        b"not json",
    ],
)
def test_r9_an_identifier_that_was_not_sent_or_is_malformed_fails_the_batch(malformed: bytes) -> None:
    """Unknown offset or partition, a string identifier, the old key, wrong types: none may settle anything."""
    with pytest.raises(MalformedResponseError):
        parse_failed_offsets(malformed, SENT)
