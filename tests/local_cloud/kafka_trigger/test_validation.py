import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace_local.kafka_trigger import validation
from millrace_local.kafka_trigger.settings import Settings

ARN = "arn:aws:kafka:us-east-1:000000000000:cluster/millrace/1-1"
MSK = "AmazonManagedKafkaEventSourceConfig"


def mapping(**parameters: object) -> dict[str, Any]:
    return {
        "UUID": "uuid-1",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "EventSourceArn": ARN,
        "Topics": ["orders"],
        "StartingPosition": "LATEST",
        **parameters,
    }


@pytest.mark.parametrize(
    "accepted",
    [
        {"BatchSize": 1, "MaximumBatchingWindowInSeconds": 0, "MaximumRetryAttempts": -1},
        {"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 300, "MaximumRetryAttempts": 10_000},
        {"MaximumRecordAgeInSeconds": -1},
        {"MaximumRecordAgeInSeconds": 60},
        {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1},
        {MSK: {"ConsumerGroupId": "a b/c*:_+=.@-"}},
        {"DestinationConfig": {"OnFailure": {"Destination": "kafka://orders-dlq"}}},
        {"DestinationConfig": {"OnFailure": {}}},
    ],
)
def test_v4_what_the_api_allows_is_accepted(accepted: dict[str, Any]) -> None:
    """The ends of every range."""
    validation.check(mapping(**accepted), function_timeout=840)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        ({"BatchSize": 0}, "Value '0' at 'batchSize' failed to satisfy constraint: Member must have a value from 1 to"),
        ({"BatchSize": 10_001}, "'batchSize'"),
        ({"MaximumBatchingWindowInSeconds": 301}, "'maximumBatchingWindowInSeconds'"),
        ({"MaximumRetryAttempts": -2}, "'maximumRetryAttempts'"),
        ({"MaximumRecordAgeInSeconds": 59}, "'maximumRecordAgeInSeconds'"),
        ({"MaximumRecordAgeInSeconds": 604_801}, "-1 or have a value from 60 to 604800"),
        ({"Topics": ["a1", "b1"]}, "'topics' failed to satisfy constraint: Member must have exactly one item"),
        ({"Topics": []}, "exactly one item"),
        ({"Topics": [".hidden"]}, "Value '.hidden' at 'topics'"),
        ({MSK: {"ConsumerGroupId": "ä"}}, "Value 'ä' at 'consumerGroupId'"),
        ({MSK: {"ConsumerGroupId": "a" * 201}}, "'consumerGroupId'"),
        ({"StartingPosition": None}, "Required 'startingPosition' parameter is missing."),
        ({"StartingPosition": "MIDDLE"}, "[LATEST, TRIM_HORIZON, AT_TIMESTAMP]"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "Required 'startingPositionTimestamp'"),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": time.time() + 3600}, "in the future"),
        (
            {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": datetime.now(UTC) + timedelta(hours=1)},
            "in the future",
        ),
        ({"DestinationConfig": {"OnFailure": {"Destination": "kafka://orders"}}}, "must not be the source topic"),
        ({MSK: {"ConsumptionMode": "Queue"}}, "not implemented locally"),
        ({MSK: {"SchemaRegistryConfig": {"SchemaRegistryURI": "x"}}}, "not implemented locally"),
    ],
)
def test_v4_to_v7_what_it_does_not_is_refused_by_name(refused: dict[str, Any], said: str) -> None:
    """Each rejection says which parameter, which value and what is allowed (M2, S1 included)."""
    with pytest.raises(validation.InvalidParameterError) as error:
        validation.check(mapping(**refused), function_timeout=3)
    assert said in str(error.value)


def test_v8_a_function_may_run_for_fourteen_minutes_at_most() -> None:
    """P12."""
    with pytest.raises(validation.InvalidParameterError, match=r"841.*840 seconds"):
        validation.check(mapping(), function_timeout=841)


def test_g7_the_group_of_a_mapping_cannot_be_changed() -> None:
    """Naming the group it has, by default its UUID, changes nothing and is allowed."""
    validation.check_update(mapping(), {MSK: {"ConsumerGroupId": "uuid-1"}})
    validation.check_update(mapping(), {"BatchSize": 5})
    with pytest.raises(validation.InvalidParameterError, match="consumerGroupId"):
        validation.check_update(mapping(), {MSK: {"ConsumerGroupId": "other"}})


def test_g7_two_mappings_of_one_group_are_warned_of() -> None:
    """Not refused: AWS documents no error."""
    mine = mapping(**{MSK: {"ConsumerGroupId": "shared"}})
    (warning,) = validation.shared_group(mine, [mapping(), mine | {"UUID": "uuid-2"}])
    assert "shared" in warning
    assert "uuid-2" in warning
    assert not list(validation.shared_group(mapping(), [mapping()]))


def test_v10_provisioned_only_parameters_are_named_in_one_warning() -> None:
    """M1: accepted on demand, with a warning; with ProvisionedPollerConfig there is none."""
    parameters = mapping(
        MaximumRetryAttempts=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        DestinationConfig={"OnFailure": {"Destination": "kafka://orders-dlq"}},
    )
    (warning,) = validation.warnings(parameters)
    assert all(name in warning for name in ("MaximumRetryAttempts", "FunctionResponseTypes", "kafka://"))
    assert not list(validation.warnings(parameters | {"ProvisionedPollerConfig": {"MinimumPollers": 1}}))
    assert not list(validation.warnings(mapping(MaximumRetryAttempts=-1, BisectBatchOnFunctionError=False)))


def test_what_is_not_implemented_yet_is_never_ignored_in_silence() -> None:
    """Filters, bisecting and record age are named in a warning when a mapping asks for them."""
    asked = {
        "ProvisionedPollerConfig": {},
        "FilterCriteria": {"Filters": [{"Pattern": "{}"}]},
        "BisectBatchOnFunctionError": True,
        "MaximumRecordAgeInSeconds": 60,
    }
    (warning,) = validation.warnings(mapping(**asked))
    assert "FilterCriteria, BisectBatchOnFunctionError, MaximumRecordAgeInSeconds" in warning


def test_b2_b4_an_unset_window_is_500_ms_and_zero_is_zero() -> None:
    """Zero is not the same as unset; the batch size is 100 by default (B1)."""
    assert Settings.from_configuration(mapping(), "b:9092").window_seconds == 0.5
    assert Settings.from_configuration(mapping(MaximumBatchingWindowInSeconds=0), "b:9092").window_seconds == 0
    assert Settings.from_configuration(mapping(), "b:9092").batch_size == 100


def test_r1_r2_retries_are_endless_without_and_ten_with_a_destination() -> None:
    """A number that is given is kept either way."""
    destination = {"DestinationConfig": {"OnFailure": {"Destination": "kafka://orders-dlq"}}}
    for parameters, expected in (
        ({}, None),
        ({"MaximumRetryAttempts": -1}, None),
        ({"MaximumRetryAttempts": -1} | destination, 10),
        ({"MaximumRetryAttempts": 0} | destination, 0),
        ({"MaximumRetryAttempts": 3}, 3),
    ):
        assert Settings.from_configuration(mapping(**parameters), "b:9092").maximum_retries == expected


def test_g5_the_group_is_the_uuid_unless_one_is_given() -> None:
    """By either configuration block."""
    assert Settings.from_configuration(mapping(), "b:9092").group == "uuid-1"
    assert Settings.from_configuration(mapping(**{MSK: {"ConsumerGroupId": "mine"}}), "b:9092").group == "mine"


@pytest.mark.parametrize("key", ["KAFKA_BOOTSTRAP_SERVERS", "KafkaBootstrapServers"])
def test_a_self_managed_source_names_its_brokers_in_both_spellings(key: str) -> None:
    """The API's and CloudFormation's; there is no ARN then (P2)."""
    source = {"SelfManagedEventSource": {"Endpoints": {key: ["b-1:9092", "b-2:9092"]}}, "EventSourceArn": None}
    settings = Settings.from_configuration(mapping(**source), "msk:9092")
    assert (settings.bootstrap, settings.source_arn) == ("b-1:9092,b-2:9092", None)


def test_a_destination_that_would_get_nothing_is_warned_of() -> None:
    """D4: SQS, SNS and S3 destinations are accepted, and a WARNING says that they are not served yet."""
    queue = "arn:aws:sqs:us-east-1:000000000000:failures"
    (warning,) = validation.warnings(mapping(DestinationConfig={"OnFailure": {"Destination": queue}}))
    assert queue in warning
