"""How a change of a mapping in a template becomes a request of the Lambda API."""

from collections.abc import Mapping
from typing import Any

from millrace_local.kafka_trigger.settings import DEFAULT_BATCH_SIZE

UPDATABLE: dict[str, Any] = {
    "Enabled": True,
    "BatchSize": DEFAULT_BATCH_SIZE,
    "FilterCriteria": {},
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "BisectBatchOnFunctionError": False,
    "FunctionResponseTypes": [],
    "ProvisionedPollerConfig": {},
    "MetricsConfig": {"Metrics": []},
    "LoggingConfig": {},
    "SourceAccessConfigurations": [],
    "KMSKeyArn": "",
}
"""What an update can change, with the value of a property that a template no longer has."""
NO_DEFAULT = ("FunctionName", "MaximumBatchingWindowInSeconds")
"""What an update can change and not reset: an unset window is another thing than any that can be given (B3)."""


def changed_parameters(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of UpdateEventSourceMapping that lead from the properties *old* to *new*."""
    old, new = in_api_spelling(old), in_api_spelling(new)
    changes = {name: new.get(name, default) for name, default in UPDATABLE.items() if name in old or name in new}
    return changes | {name: new[name] for name in NO_DEFAULT if name in new}


def in_api_spelling(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return *properties* of a template with the names that the API gives them."""
    return {"KMSKeyArn" if name == "KmsKeyArn" else name: value for name, value in properties.items()}
