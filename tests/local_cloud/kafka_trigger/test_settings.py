from typing import Any

import pytest

from millrace_plugin.kafka_trigger.settings import Settings

CONFIGURATION = {
    "UUID": "uuid",
    "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
    "EventSourceArn": "arn:aws:kafka:us-east-1:000000000000:cluster/millrace/1-1",
    "Topics": ["t"],
    "StartingPosition": "LATEST",
}


def settings(**changes: Any) -> Settings:  # noqa: ANN401 - the API's own values
    return Settings.from_configuration(CONFIGURATION | changes, "b:9092")


@pytest.mark.parametrize(
    "destination",
    [
        "kafka://dead",
        "arn:aws:sqs:us-east-1:000000000000:q",
        "arn:aws:sns:us-east-1:000000000000:t",
        "arn:aws:s3:::bucket",
    ],
)
@pytest.mark.parametrize(("asked", "expected"), [(-1, 10), (None, 10), (0, 0), (3, 3), (500, 500)])
def test_r2_with_any_destination_retries_without_end_become_ten(
    destination: str, asked: int | None, expected: int
) -> None:
    """A number that was asked for stays what it is."""
    config = {"OnFailure": {"Destination": destination}}
    assert settings(DestinationConfig=config, MaximumRetryAttempts=asked).maximum_retries == expected


@pytest.mark.parametrize("config", [{}, {"OnFailure": {}}, {"OnFailure": {"Destination": ""}}])
def test_r1_without_a_destination_retries_are_without_end(config: dict[str, Any]) -> None:
    """The empty string removes a destination (D1)."""
    assert settings(DestinationConfig=config, MaximumRetryAttempts=-1).maximum_retries is None


def test_r3_an_age_of_minus_one_is_no_limit() -> None:
    """As AWS writes it."""
    assert settings(MaximumRecordAgeInSeconds=-1).maximum_age_seconds is None
    assert settings(MaximumRecordAgeInSeconds=60).maximum_age_seconds == 60
