"""What a mapping's parameters may be (section 10, V4 to V8 and M2): every rejection says which, what, and what is allowed."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from millrace_local.kafka_trigger.settings import destination_topic, group_id, on_failure_destination

LONGEST_FUNCTION_SECONDS = 840
TOPIC = re.compile(r"[^.][a-zA-Z0-9\-_.]{0,248}")
GROUP = re.compile(r"[ a-zA-Z0-9\-/*:_+=.@]{1,200}")
POSITIONS = ("LATEST", "TRIM_HORIZON", "AT_TIMESTAMP")
RANGES = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRetryAttempts": (-1, 10_000),
}
PROVISIONED_ONLY = (
    "MaximumRetryAttempts",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "FunctionResponseTypes",
    "LoggingConfig",
)
NOT_YET = ("FilterCriteria", "BisectBatchOnFunctionError", "MaximumRecordAgeInSeconds")


class InvalidParameterError(Exception):
    """A parameter of the request cannot be used; the message is the API's."""


def check(parameters: Mapping[str, Any], function_timeout: int) -> None:
    """Check a mapping's complete parameters, as created or as they would be after an update.

    Raises:
        InvalidParameterError: the first thing that is wrong.
    """
    for problem in _problems(parameters, function_timeout):
        raise InvalidParameterError(problem)


def check_update(old: Mapping[str, Any], update: Mapping[str, Any]) -> None:
    """G7: the consumer group of a mapping cannot be changed."""
    asked = group_id(update)
    if asked and asked != (group_id(old) or old["UUID"]):
        raise InvalidParameterError(_constraint(asked, "consumerGroupId", "Member cannot be changed after creation"))


def warnings(parameters: Mapping[str, Any]) -> Iterator[str]:
    """What is accepted but does not do here, or would not do on AWS, what it says (M1, V10)."""
    if ignored := [name for name in NOT_YET if _is_set(parameters, name)]:
        yield f"{', '.join(ignored)}: not implemented locally yet, so every record is delivered without."
    destination = on_failure_destination(parameters)
    if destination and not destination_topic(destination):
        yield f"destination {destination}: only kafka:// is implemented locally yet, so it gets nothing."
    if "ProvisionedPollerConfig" not in parameters:
        names = [name for name in PROVISIONED_ONLY if _is_set(parameters, name)]
        if destination_topic(destination):
            names.append("DestinationConfig with kafka://")
        if names:
            yield f"{', '.join(names)}: on AWS this needs ProvisionedPollerConfig."


def shared_group(parameters: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """G7: a group that another mapping has too is accepted, but each then gets only a part of the records."""
    group = group_id(parameters)
    for other in others:
        if group is not None and group == group_id(other):
            yield f"consumer group {group} is also that of mapping {other['UUID']}: they share the records."


def _is_set(parameters: Mapping[str, Any], name: str) -> bool:
    value = parameters.get(name)
    return value is not None and value not in ([], {}, False, -1, {"Filters": []})


def _problems(parameters: Mapping[str, Any], function_timeout: int) -> Iterator[str]:
    for name, (least, most) in RANGES.items():
        value = parameters.get(name)
        if value is not None and not least <= value <= most:
            yield _constraint(value, name, f"Member must have a value from {least} to {most}")
    age = parameters.get("MaximumRecordAgeInSeconds")
    if age is not None and age != -1 and not 60 <= age <= 604_800:  # noqa: PLR2004 - R3
        yield _constraint(age, "MaximumRecordAgeInSeconds", "Member must be -1 or have a value from 60 to 604800")
    yield from _topic_problems(parameters)
    yield from _position_problems(parameters)
    group = group_id(parameters)
    if group is not None and not GROUP.fullmatch(group):
        yield _constraint(group, "consumerGroupId", f"Member must satisfy regular expression pattern: {GROUP.pattern}")
    yield from _unsupported(parameters)
    if function_timeout > LONGEST_FUNCTION_SECONDS:
        yield _constraint(
            function_timeout, "timeout of the function", f"Member must be at most {LONGEST_FUNCTION_SECONDS} seconds"
        )


def _topic_problems(parameters: Mapping[str, Any]) -> Iterator[str]:
    topics = parameters.get("Topics") or []
    if len(topics) != 1:
        yield _constraint(topics, "topics", "Member must have exactly one item")
        return
    if not TOPIC.fullmatch(topics[0]):
        yield _constraint(topics[0], "topics", f"Member must satisfy regular expression pattern: {TOPIC.pattern}")
    if destination_topic(on_failure_destination(parameters)) == topics[0]:
        yield _constraint(
            f"kafka://{topics[0]}", "destinationConfig.onFailure.destination", "Member must not be the source topic"
        )


def _position_problems(parameters: Mapping[str, Any]) -> Iterator[str]:
    position = parameters.get("StartingPosition")
    if not position:
        yield "Required 'startingPosition' parameter is missing."
    elif position not in POSITIONS:
        yield _constraint(position, "startingPosition", f"Member must satisfy enum value set: [{', '.join(POSITIONS)}]")
    elif position == "AT_TIMESTAMP":
        moment = parameters.get("StartingPositionTimestamp")
        if moment is None:
            yield "Required 'startingPositionTimestamp' parameter is missing for startingPosition AT_TIMESTAMP."
        elif (moment.timestamp() if isinstance(moment, datetime) else float(moment)) > time.time():
            yield _constraint(moment, "startingPositionTimestamp", "Member must not be in the future")


def _unsupported(parameters: Mapping[str, Any]) -> Iterator[str]:
    for block in ("AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"):
        settings = parameters.get(block) or {}
        if settings.get("ConsumptionMode") == "Queue":
            yield _constraint("Queue", f"{block}.consumptionMode", "Queue mode is not implemented locally")
        if settings.get("SchemaRegistryConfig"):
            yield _constraint("...", f"{block}.schemaRegistryConfig", "schema registries are not implemented locally")


def _constraint(value: object, parameter: str, constraint: str) -> str:
    name = parameter[0].lower() + parameter[1:]
    return f"Value '{value}' at '{name}' failed to satisfy constraint: {constraint}."
