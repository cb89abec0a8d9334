import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from millrace_plugin.kafka_trigger import validation
from millrace_plugin.kafka_trigger.settings import Settings

ARN = "arn:aws:kafka:us-east-1:000000000000:cluster/millrace/1-1"
MSK = "AmazonManagedKafkaEventSourceConfig"
SELF_MANAGED = "SelfManagedKafkaEventSourceConfig"
NETWORK = [
    {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"},
    {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"},
]


def brokers(*servers: str) -> dict[str, Any]:
    return {"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": list(servers)}}}


OWN = {"EventSourceArn": None, "SourceAccessConfigurations": NETWORK, **brokers("b-1:9092")}


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
        {"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 0},
        {"BatchSize": 10_000, "MaximumBatchingWindowInSeconds": 300, "MaximumRetryAttempts": 10_000},
        {"MaximumRecordAgeInSeconds": -1},
        {"MaximumRecordAgeInSeconds": 60},
        {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 1},
        {MSK: {"ConsumerGroupId": "a b/c*:_+=.@-"}},
        {"DestinationConfig": {"OnFailure": {"Destination": "kafka://orders-dlq"}}},
        {"DestinationConfig": {"OnFailure": {}}},
        {"ProvisionedPollerConfig": {"MinimumPollers": 200, "MaximumPollers": 2_000, "PollerGroupName": "a-b_1"}},
        {"ProvisionedPollerConfig": {"MinimumPollers": 150}},
        {"MetricsConfig": {"Metrics": ["EventCount", "ErrorCount", "KafkaMetrics"]}},
        {"LoggingConfig": {"SystemLogLevel": "WARN"}},
        {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
        {"FilterCriteria": {"Filters": [{"Pattern": "{}"}] * 10}},
        {"SourceAccessConfigurations": NETWORK},
        OWN,
        OWN | {SELF_MANAGED: {"ConsumerGroupId": "mine"}},
        OWN | brokers(*[f"b-{number}.example.com:9092" for number in range(10)]),
    ],
)
def test_v4_what_the_api_allows_is_accepted(accepted: dict[str, Any]) -> None:
    """The ends of every range; a large batch needs no window (B6)."""
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
        ({"Topics": ["orders\n"]}, "'topics'"),
        ({MSK: {"ConsumerGroupId": "orders\n"}}, "'consumerGroupId'"),
        ({MSK: {"ConsumerGroupId": "ä"}}, "Value 'ä' at 'consumerGroupId'"),
        ({MSK: {"ConsumerGroupId": "a" * 201}}, "'consumerGroupId'"),
        ({"StartingPosition": None}, "Required 'startingPosition' parameter is missing."),
        ({"StartingPosition": "MIDDLE"}, "[LATEST, TRIM_HORIZON, AT_TIMESTAMP]"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "Required 'startingPositionTimestamp'"),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": time.time() + 3600}, "in the future"),
        ({"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": -1}, "before 1970"),
        (
            {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": datetime.now(UTC) + timedelta(hours=1)},
            "in the future",
        ),
        ({"DestinationConfig": {"OnFailure": {"Destination": "kafka://orders"}}}, "must not be the source topic"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "kafka://"}}}, "destinationConfig.onFailure.destination"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "http://x"}}}, "kafka://<topic> or the ARN of a standard"),
        ({"StartingPositionTimestamp": 1}, "needs startingPosition AT_TIMESTAMP"),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 0}}, "provisionedPollerConfig.minimumPollers"),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 201}}, "from 1 to 200"),
        ({"ProvisionedPollerConfig": {"MaximumPollers": 0}}, "provisionedPollerConfig.maximumPollers"),
        ({"ProvisionedPollerConfig": {"MaximumPollers": 2_001}}, "from 1 to 2000"),
        ({"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 2}}, "at least minimumPollers"),
        ({"ProvisionedPollerConfig": {"PollerGroupName": "a\n"}}, "provisionedPollerConfig.pollerGroupName"),
        ({"ProvisionedPollerConfig": {"PollerGroupName": "a b"}}, "provisionedPollerConfig.pollerGroupName"),
        ({"FunctionResponseTypes": ["Nope"]}, "Value 'Nope' at 'functionResponseTypes'"),
        ({"FunctionResponseTypes": ["ReportBatchItemFailures"] * 2}, "unique"),
        ({"MetricsConfig": {"Metrics": ["Everything"]}}, "[EventCount, ErrorCount, KafkaMetrics]"),
        ({"LoggingConfig": {"SystemLogLevel": "ERROR"}}, "[DEBUG, INFO, WARN]"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}] * 11}}, "at most 10"),
        ({"FilterCriteria": {"Filters": [{}]}}, "Invalid filter pattern definition. It is not JSON"),
        ({"FilterCriteria": {"Filters": [{"Pattern": "{}"}, {"Pattern": "[]"}]}}, "Invalid filter pattern definition."),
        ({"SourceAccessConfigurations": NETWORK[:1]}, "go together"),
        ({"SourceAccessConfigurations": [{"Type": "MAGIC", "URI": "arn:x"}]}, "Value 'MAGIC'"),
        ({"SourceAccessConfigurations": [{"Type": "VPC_SUBNET", "URI": "subnet-1"}]}, "must begin with subnet:"),
        (OWN | {"SourceAccessConfigurations": []}, "Required 'sourceAccessConfigurations' parameter is missing."),
        (OWN | {"EventSourceArn": ARN}, "cannot be combined"),
        ({"SelfManagedEventSource": {}}, "cannot be combined"),
        (OWN | {MSK: {"ConsumerGroupId": "mine"}}, "'amazonManagedKafkaEventSourceConfig'"),
        ({SELF_MANAGED: {"ConsumerGroupId": "mine"}}, "'selfManagedKafkaEventSourceConfig'"),
        (OWN | brokers(), "1 to 10 items"),
        (OWN | {"SelfManagedEventSource": {"Endpoints": {}}}, "1 to 10 items"),
        (OWN | {"SelfManagedEventSource": {}}, "1 to 10 items"),
        (OWN | brokers(*["b:9092"] * 11), "1 to 10 items"),
        (OWN | brokers(""), "host:port"),
        (OWN | brokers("kafka"), "host:port"),
        (OWN | brokers("kafka:0"), "host:port"),
        (OWN | brokers("kafka:9092\n"), "host:port"),
        (OWN | brokers("kafka:65536"), "host:port"),
        (OWN | brokers("b:9092", "c:d"), "Value 'c:d'"),
        (OWN | {"SelfManagedEventSource": {"Endpoints": {"OTHER": ["b:9092"]}}}, "[KAFKA_BOOTSTRAP_SERVERS]"),
    ],
)
def test_v4_to_v7_what_it_does_not_is_refused_by_name(refused: dict[str, Any], said: str) -> None:
    """Each refusal names parameter, value and what is allowed."""
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
