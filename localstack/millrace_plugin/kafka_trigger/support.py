"""Find parameters of a mapping that have no effect locally, or that AWS would refuse.

They are refused. `MILLRACE_TRIGGER_LENIENT=1` turns the refusals into warnings, which `./millrace status` shows.
"""

from collections.abc import Iterable, Iterator

from millrace_plugin.kafka_trigger.settings import (
    MSK_BLOCK,
    SELF_MANAGED_BLOCK,
    destination_topic,
    on_failure_destination,
)
from millrace_plugin.kafka_trigger.validation import NETWORK_URIS, Parameters

LENIENT_VARIABLE = "MILLRACE_TRIGGER_LENIENT"
LENIENT = f"start the local cloud with {LENIENT_VARIABLE}=1, which accepts it with a warning"
OTHER_SOURCES = {
    "ParallelizationFactor": "Kinesis and DynamoDB streams",
    "TumblingWindowInSeconds": "Kinesis and DynamoDB streams",
    "ScalingConfig": "SQS queues",
    "Queues": "Amazon MQ brokers",
    "DocumentDBEventSourceConfig": "DocumentDB clusters",
}
PROVISIONED_ONLY = (
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "LoggingConfig",
)


def refusal(gap: str) -> str:
    """Return the API's error text for a gap: what it is, and what to do instead."""
    return f"{gap} To go on without it locally, {LENIENT}."


def find_gaps(parameters: Parameters, unknown: Iterable[str] = ()) -> Iterator[str]:
    """Yield a sentence for each parameter that has no effect locally, or that AWS would refuse.

    parameters: all parameters of the mapping.
    unknown: the members that the local Lambda API does not know, as paths such as `block.member`.
    """
    for name, source in OTHER_SOURCES.items():
        if _asks(parameters.get(name)):
            yield f"{_unsupported(name)}: it is for {source} and has no effect on a Kafka event source."
    if _asks(parameters.get("KMSKeyArn")):
        yield f"{_unsupported('KMSKeyArn')}: the local Kafka trigger does not encrypt filter criteria yet."
    if _asks((parameters.get("DestinationConfig") or {}).get("OnSuccess")):
        yield f"{_unsupported('DestinationConfig.onSuccess')}: Kafka event sources have a destination of failures only."
    yield from _access_gaps(parameters)
    for block in (MSK_BLOCK, SELF_MANAGED_BLOCK):
        if _asks((parameters.get(block) or {}).get("SchemaRegistryConfig")):
            path = f"{block}.schemaRegistryConfig"
            yield f"{_unsupported(path)}: the local Kafka trigger does not do schema registries yet."
    for path in unknown:
        yield f"{_unsupported(path)}: the local Kafka trigger does not do it yet."
    yield from _provisioned_gaps(parameters)


def _access_gaps(parameters: Parameters) -> Iterator[str]:
    types = sorted({each.get("Type", "") for each in parameters.get("SourceAccessConfigurations") or ()})
    if secured := [kind for kind in types if kind not in NETWORK_URIS]:
        yield (
            f"{_unsupported('SourceAccessConfigurations')} of type {', '.join(secured)}: the local Kafka trigger does"
            " not do authentication and TLS yet, and connects in plaintext. VPC_SUBNET and VPC_SECURITY_GROUP are"
            " accepted."
        )


def _provisioned_gaps(parameters: Parameters) -> Iterator[str]:
    """Yield a sentence for each parameter that needs provisioned mode on AWS, if the mapping is on demand (M1, V10)."""
    if parameters.get("ProvisionedPollerConfig"):
        return
    names = [name for name in PROVISIONED_ONLY if _asks(parameters.get(name))]
    if destination_topic(on_failure_destination(parameters)):
        names.append("DestinationConfig.onFailure.destination")
    for name in names:
        yield (
            f"{_unsupported(name)} for an event source mapping on demand: AWS needs ProvisionedPollerConfig for it,"
            ' for example {"MinimumPollers": 1}.'
        )


def _asks(value: object) -> bool:
    """Return whether a parameter's *value* asks for anything. 0 does: no retries."""
    return value is not None and value is not False and value not in ("", [], {}, -1)


def _unsupported(path: str) -> str:
    return f"Unsupported '{path[0].lower()}{path[1:]}' parameter"
