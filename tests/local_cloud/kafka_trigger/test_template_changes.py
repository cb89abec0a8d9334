from typing import Any

import pytest

from millrace_plugin.kafka_trigger.template_changes import changed_parameters

KAFKA = {"EventSourceArn": "arn:aws:kafka:us-east-1:000000000000:cluster/c/1"}
SQS = {"EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q"}
KINESIS = {"EventSourceArn": "arn:aws:kinesis:us-east-1:000000000000:stream/s"}


def test_every_property_of_the_template_reaches_the_api() -> None:
    """LocalStack's own provider leaves out the pollers, metrics and log level."""
    new = {
        "ProvisionedPollerConfig": {"MaximumPollers": 3},
        "MetricsConfig": {"Metrics": ["EventCount"]},
        "LoggingConfig": {"SystemLogLevel": "DEBUG"},
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionName": "f",
    }
    assert changed_parameters({}, new | {"Topics": ["t"], "StartingPosition": "LATEST"}) == new


def test_what_has_no_effect_reaches_the_api_too() -> None:
    """The API refuses it there, as it does at creation; what only a replacement can change is left out."""
    new = {"ScalingConfig": {"MaximumConcurrency": 2}, "KmsKeyArn": "k", "Tags": [], "Topics": ["t"], "Id": "uuid-1"}
    assert changed_parameters({}, new) == {"ScalingConfig": {"MaximumConcurrency": 2}, "KMSKeyArn": "k"}


def test_a_property_that_was_removed_goes_back_to_its_default() -> None:
    """It would otherwise stay as it was, with the template saying nothing of it."""
    old = {
        "BatchSize": 5,
        "FilterCriteria": {"Filters": []},
        "MaximumRetryAttempts": 3,
        "DestinationConfig": {"OnFailure": {"Destination": "kafka://dead"}},
    }
    assert changed_parameters(old, {"BatchSize": 6}) == {
        "BatchSize": 6,
        "FilterCriteria": {},
        "MaximumRetryAttempts": -1,
        "DestinationConfig": {"OnFailure": {}},
    }


@pytest.mark.parametrize(
    ("source", "old", "expected"),
    [
        (SQS, {"BatchSize": 5}, {"BatchSize": 10}),
        (KINESIS, {"BatchSize": 5}, {"BatchSize": 100}),
        (KAFKA, {"BatchSize": 5}, {"BatchSize": 100}),
        (SQS, {"MaximumBatchingWindowInSeconds": 5}, {"MaximumBatchingWindowInSeconds": 0}),
        (KAFKA, {"MaximumBatchingWindowInSeconds": 5}, {}),
        (SQS, {"ScalingConfig": {"MaximumConcurrency": 5}}, {"ScalingConfig": {}}),
        (KINESIS, {"ParallelizationFactor": 2}, {"ParallelizationFactor": 1}),
        (KINESIS, {"TumblingWindowInSeconds": 2}, {"TumblingWindowInSeconds": 0}),
        (SQS, {}, {}),
    ],
)
def test_a_property_that_was_removed_goes_back_to_its_source_s_default(
    source: dict[str, Any], old: dict[str, Any], expected: dict[str, Any]
) -> None:
    """An unset window of Kafka cannot be given; no source is sent what neither template says."""
    assert changed_parameters(source | old, source) == expected
