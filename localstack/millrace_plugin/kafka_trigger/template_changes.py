"""Translate the change of a mapping in a template into an update by the Lambda API, for mappings of any source."""

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
"""The properties that an update can change, with the value that resets each."""
SQS_BATCH_SIZE = 10
WITHOUT_DEFAULT = ("DocumentDBEventSourceConfig", "FunctionName")


def changed_parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of UpdateEventSourceMapping that change the properties *old* into *new*.

    Only properties of either template are sent, because each source refuses others.
    """
    old, new = in_api_spelling(old), in_api_spelling(new)
    defaults = RESET | _defaults_of_source(new)
    changes = {name: new.get(name, default) for name, default in defaults.items() if name in old or name in new}
    if is_kafka(new) and "MaximumBatchingWindowInSeconds" not in new:
        # No value means an unset window, so it cannot be reset (B3).
        changes.pop("MaximumBatchingWindowInSeconds", None)
    return changes | {name: new[name] for name in WITHOUT_DEFAULT if name in new}


def in_api_spelling(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return *properties* of a template with the API's spelling of their names."""
    return {"KMSKeyArn" if name == "KmsKeyArn" else name: value for name, value in properties.items()}


def _defaults_of_source(properties: Mapping[str, Any]) -> dict[str, Any]:
    is_sqs = str(properties.get("EventSourceArn")).split(":")[2:3] == ["sqs"]
    return {"BatchSize": SQS_BATCH_SIZE} if is_sqs else {}
