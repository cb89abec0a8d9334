"""Read a stage's mappings from Lambda's API and CloudWatch, in the terms in which the local trigger tells them.

Lambda tells neither which record is retried nor why, nor who else has the partitions.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from millrace_local.deployment import stack
from millrace_local.deployment.stages import Stage
from millrace_local.instance import APPLICATION
from millrace_local.problems import LocalCloudError
from millrace_plugin.kafka_trigger.conditions import Cause, Condition, arrange
from millrace_plugin.status.structures import Mapping

MSK_BLOCK, SELF_MANAGED_BLOCK = "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"
STATES: dict[str, Cause] = {
    "Disabled": "disabled",
    "Disabling": "stopping",
    "Deleting": "stopping",
    "Creating": "starting",
    "Enabling": "starting",
    "Updating": "starting",
}
PROBLEM = "PROBLEM: "
NOT_TOLD = "Lambda tells neither the record nor the error"
LAG_MINUTES = 5


def read(stage: Stage) -> tuple[Mapping, ...]:
    """Return the Kafka mappings of the stage's functions. Raises LocalCloudError if AWS cannot be asked."""
    functions, client = stage.client("cloudformation"), stage.client("lambda")
    try:
        names = {physical: logical for logical, physical in _functions(functions, stage).items()}
        pages = client.get_paginator("list_event_source_mappings").paginate()
        found = [each for page in pages for each in page["EventSourceMappings"] if _is_ours(each, names)]
        lags = _lags(stage, [each["UUID"] for each in found])
        return tuple(_mapping(client, each, names, lags.get(each["UUID"])) for each in found)
    except (BotoCoreError, ClientError) as error:
        message = f"The mappings of {stage.name} cannot be read: {error}"
        raise LocalCloudError(message) from error


def _functions(cloudformation: Any, stage: Stage) -> dict[str, str]:  # noqa: ANN401 - a boto3 client
    return stack.functions_of(cloudformation, f"{APPLICATION}-{stage.name}")


def _is_ours(mapping: dict[str, Any], names: dict[str, str]) -> bool:
    return bool(mapping.get("Topics")) and _function_name(mapping["FunctionArn"]) in names


def _mapping(client: Any, found: dict[str, Any], names: dict[str, str], lag: int | None) -> Mapping:  # noqa: ANN401 - a boto3 client
    block = found.get(MSK_BLOCK) or found.get(SELF_MANAGED_BLOCK) or {}
    result = found.get("LastProcessingResult")
    name = _function_name(found["FunctionArn"])
    return Mapping(
        function=names[name],
        topic=found["Topics"][0],
        group=block.get("ConsumerGroupId") or found["UUID"],
        state=found["State"],
        reason=found.get("StateTransitionReason"),
        last_result=result,
        lag=lag,
        batch_size=found.get("BatchSize"),
        window_seconds=found.get("MaximumBatchingWindowInSeconds"),
        filters=bool((found.get("FilterCriteria") or {}).get("Filters")),
        last_modified=found.get("LastModified"),
        conditions=arrange([*_conditions(found, lag), *_of_function(client, name)]),
        bootstrap="",
        function_arn=found["FunctionArn"],
        uuid=found["UUID"],
        problem=result if result and result.startswith(PROBLEM) else None,
    )


def _conditions(found: dict[str, Any], lag: int | None) -> Iterator[Condition]:
    """Yield what the mapping's state, its last result and its lag say."""
    if cause := STATES.get(found["State"]):
        yield Condition(cause=cause, since=found.get("LastModified"), detail=found.get("StateTransitionReason"))
        return
    result = found.get("LastProcessingResult") or ""
    words = result.removeprefix(PROBLEM)
    if not result.startswith(PROBLEM):
        yield _of_lag(lag)
    elif "Connection error" in words:
        yield Condition(cause="no_broker", detail=words)
    elif "Function call failed" in words:
        yield Condition(cause="retrying", detail=NOT_TOLD)
    elif "opic" in words:
        yield Condition(cause="topic_missing", detail=words)
    else:
        yield Condition(cause="source_failed", detail=words)


def _of_lag(lag: int | None) -> Condition:
    if lag is None:
        detail = (
            f"CloudWatch has no OffsetLag of the last {LAG_MINUTES} minutes, and Lambda does not tell what it reads"
        )
        return Condition(cause="unknown", detail=detail)
    return Condition(cause="reading", records=lag) if lag else Condition(cause="idle")


def _of_function(client: Any, name: str) -> Iterator[Condition]:  # noqa: ANN401 - a boto3 client
    """Yield why the function takes no invocation."""
    try:
        configuration = client.get_function_configuration(FunctionName=name)
    except client.exceptions.ResourceNotFoundException:
        yield Condition(cause="function_missing")
        return
    state, reason = configuration.get("State"), configuration.get("StateReason")
    if state == "Pending":
        yield Condition(cause="function_pending", detail=reason)
    elif state == "Failed":
        yield Condition(cause="function_failed", detail=reason)
    if client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions") == 0:
        yield Condition(cause="concurrency_zero")


def _lags(stage: Stage, uuids: list[str]) -> dict[str, int]:
    """Return each mapping's newest OffsetLag in CloudWatch; without one it is left out. One request for all of them."""
    if not uuids:
        return {}
    queries = [
        {
            "Id": f"m{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "OffsetLag",
                    "Dimensions": [{"Name": "EventSourceMappingUUID", "Value": uuid}],
                },
                "Period": 60,
                "Stat": "Maximum",
            },
        }
        for number, uuid in enumerate(uuids)
    ]
    now = datetime.now(UTC)
    try:
        answer = stage.client("cloudwatch").get_metric_data(
            MetricDataQueries=queries, StartTime=now - timedelta(minutes=LAG_MINUTES), EndTime=now
        )
    except (BotoCoreError, ClientError):
        return {}
    values = {each["Id"]: each["Values"] for each in answer["MetricDataResults"]}
    return {uuid: int(found[0]) for number, uuid in enumerate(uuids) if (found := values.get(f"m{number}"))}


def _function_name(arn: str) -> str:
    return arn.split(":")[6]
