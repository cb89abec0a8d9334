from typing import Any

import pytest

from millrace_plugin.kafka_trigger import support
from tests.local_cloud.kafka_trigger.test_validation import MSK, NETWORK, mapping

PROVISIONED = {"ProvisionedPollerConfig": {"MinimumPollers": 1}}


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, "'scalingConfig'"),
        ({"ParallelizationFactor": 2}, "'parallelizationFactor'"),
        ({"TumblingWindowInSeconds": 30}, "'tumblingWindowInSeconds'"),
        ({"Queues": ["q"]}, "'queues'"),
        ({"DocumentDBEventSourceConfig": {"DatabaseName": "d"}}, "'documentDBEventSourceConfig'"),
        ({"KMSKeyArn": "arn:aws:kms:us-east-1:000000000000:key/k"}, "'kMSKeyArn'"),
        ({"DestinationConfig": {"OnSuccess": {"Destination": "arn:q"}}}, "'destinationConfig.onSuccess'"),
        ({MSK: {"SchemaRegistryConfig": {"SchemaRegistryURI": "x"}}}, "'amazonManagedKafkaEventSourceConfig.schemaReg"),
        ({"SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:s"}]}, "BASIC_AUTH"),
        ({"SourceAccessConfigurations": [*NETWORK, {"Type": "SASL_SCRAM_512_AUTH", "URI": "arn:s"}]}, "SASL_SCRAM_512"),
    ],
)
def test_what_has_no_effect_is_named_with_the_way_to_go_on(asked: dict[str, Any], named: str) -> None:
    """A refusal names the parameter and the variable that accepts it with a warning."""
    (gap,) = support.find_gaps(mapping(**asked))
    assert named in gap
    assert "MILLRACE_TRIGGER_LENIENT=1" in support.refusal(gap)


@pytest.mark.parametrize(
    "asked",
    [
        {"MaximumRetryAttempts": 0},
        {"MaximumRecordAgeInSeconds": 60},
        {"BisectBatchOnFunctionError": True},
        {"FunctionResponseTypes": ["ReportBatchItemFailures"]},
        {"LoggingConfig": {"SystemLogLevel": "DEBUG"}},
        {"DestinationConfig": {"OnFailure": {"Destination": "kafka://orders-dlq"}}},
    ],
)
def test_v10_what_needs_provisioned_pollers_is_refused_on_demand(asked: dict[str, Any]) -> None:
    """M1: the template would fail on AWS; with ProvisionedPollerConfig there is nothing to say."""
    (gap,) = support.find_gaps(mapping(**asked))
    assert "ProvisionedPollerConfig" in gap
    assert not list(support.find_gaps(mapping(**asked, **PROVISIONED)))


@pytest.mark.parametrize(
    "done",
    [
        {"MaximumRetryAttempts": -1, "BisectBatchOnFunctionError": False, "FunctionResponseTypes": []},
        {"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:failures"}}},
        {"FilterCriteria": {"Filters": [{"Pattern": "{}"}]}, "MetricsConfig": {"Metrics": ["EventCount"]}},
        {"SourceAccessConfigurations": NETWORK},
        {"ProvisionedPollerConfig": {"PollerGroupName": "mine"}},
    ],
)
def test_what_is_done_or_asks_for_nothing_has_no_gap(done: dict[str, Any]) -> None:
    """PollerGroupName is billing alone, and LocalStack demands network entries."""
    assert not list(support.find_gaps(mapping(**done)))


def test_members_that_the_api_model_lacks_are_gaps_too() -> None:
    """By their paths, as LocalStack's parser has dropped their values."""
    (gap,) = support.find_gaps(mapping(), unknown=["SelfManagedKafkaEventSourceConfig.ConsumptionMode"])
    assert "'selfManagedKafkaEventSourceConfig.ConsumptionMode'" in gap
