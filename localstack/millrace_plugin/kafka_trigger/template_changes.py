"""How a change of a mapping in a template becomes a request of the Lambda API, whatever the mapping's source."""

from collections.abc import Mapping
from typing import Any

from millrace_plugin.kafka_trigger.settings import DEFAULT_BATCH_SIZE, is_kafka

RESET: dict[str, Any] = {
    "BatchSize": DEFAULT_BATCH_SIZE,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "Enabled": True,
    "FilterCriteria": {},
    "FunctionResponseTypes": [],
    "KMSKeyArn": "",
    "LoggingConfig": {},
    "MaximumBatchingWindowInSeconds": 0,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "MetricsConfig": {"Metrics": []},
    "ParallelizationFactor": 1,
    "ProvisionedPollerConfig": {},
    "ScalingConfig": {},
    "SourceAccessConfigurations": [],
    "TumblingWindowInSeconds": 0,
}
"""What an update can change, with the value of a property that a template no longer has."""
SQS_BATCH_SIZE = 10
WITHOUT_DEFAULT = ("DocumentDBEventSourceConfig", "FunctionName")


def changed_parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of UpdateEventSourceMapping that lead from the properties *old* to *new*.

    They are those that either template has: each source refuses others.
    """
    old, new = in_api_spelling(old), in_api_spelling(new)
    defaults = RESET | _defaults_of_source(new)
    changes = {name: new.get(name, default) for name, default in defaults.items() if name in old or name in new}
    if is_kafka(new) and "MaximumBatchingWindowInSeconds" not in new:
        # An unset window is another thing than any that can be given (B3), so it cannot be reset.
        changes.pop("MaximumBatchingWindowInSeconds", None)
    return changes | {name: new[name] for name in WITHOUT_DEFAULT if name in new}


def in_api_spelling(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return *properties* of a template with the names that the API gives them."""
    return {"KMSKeyArn" if name == "KmsKeyArn" else name: value for name, value in properties.items()}


def _defaults_of_source(properties: Mapping[str, Any]) -> dict[str, Any]:
    is_sqs = str(properties.get("EventSourceArn")).split(":")[2:3] == ["sqs"]
    return {"BatchSize": SQS_BATCH_SIZE} if is_sqs else {}
