"""Check the parameters of a mapping (section 10, V3 to V8). Each refusal names parameter, value and rule.

`support` checks valid parameters that have no effect locally.
"""

import re
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from millrace_plugin.kafka_trigger.destinations.address import PARAMETER as DESTINATION
from millrace_plugin.kafka_trigger.destinations.address import InvalidDestinationError, check_destination
from millrace_plugin.kafka_trigger.filter_rules import InvalidPatternError
from millrace_plugin.kafka_trigger.filtering import check_pattern
from millrace_plugin.kafka_trigger.settings import (
    DEFAULT_POLLERS,
    MSK_BLOCK,
    SELF_MANAGED_BLOCK,
    destination_topic,
    group_id,
    is_self_managed,
    on_failure_destination,
    self_managed_brokers,
)

LONGEST_FUNCTION_SECONDS = 840
MOST_FILTERS = 10  # five unless the account's quota is raised (F1)
MOST_BROKERS = 10
TOPIC = re.compile(r"[^.][a-zA-Z0-9\-_.]{0,248}")
GROUP = re.compile(r"[ a-zA-Z0-9\-/*:_+=.@]{1,200}")
BROKER = re.compile(
    r"([a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([a-zA-Z0-9\-]*[a-zA-Z0-9])?:(?P<port>\d{1,5})"
)
POLLER_GROUP = re.compile(r"[a-zA-Z0-9\-_]{0,128}")
POSITIONS = ("LATEST", "TRIM_HORIZON", "AT_TIMESTAMP")
RESPONSE_TYPES = ("ReportBatchItemFailures",)
METRICS = ("EventCount", "ErrorCount", "KafkaMetrics")
LOG_LEVELS = ("DEBUG", "INFO", "WARN")
ACCESS_TYPES = (
    "BASIC_AUTH",
    "VPC_SUBNET",
    "VPC_SECURITY_GROUP",
    "SASL_SCRAM_512_AUTH",
    "SASL_SCRAM_256_AUTH",
    "CLIENT_CERTIFICATE_TLS_AUTH",
    "SERVER_ROOT_CA_CERTIFICATE",
    "OAUTHBEARER_AUTH",
    "IAM_AUTH",
    "IAM_OAUTHBEARER_AUTH",
)
NETWORK_URIS = {"VPC_SUBNET": "subnet:", "VPC_SECURITY_GROUP": "security_group:"}
RANGES = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRetryAttempts": (-1, 10_000),
}
POLLERS = {"MinimumPollers": (1, 200), "MaximumPollers": (1, 2_000)}

type Parameters = Mapping[str, Any]
"""All parameters of a mapping, as created or with an update applied."""


class InvalidParameterError(Exception):
    """A parameter of the request cannot be used. The message is the API's."""


def check(parameters: Parameters, function_timeout: int) -> None:
    """Check a mapping.

    function_timeout: of the mapping's function, in seconds.

    Raises:
        InvalidParameterError: for the first problem.
    """
    for problem in _problems(parameters, function_timeout):
        raise InvalidParameterError(problem)


def check_update(old: Parameters, update: Parameters) -> None:
    """Refuse an update of the mapping *old* that changes its consumer group (G7).

    Raises:
        InvalidParameterError: it names another group.
    """
    asked = group_id(update)
    if asked and asked != (group_id(old) or old["UUID"]):
        raise InvalidParameterError(constraint(asked, "consumerGroupId", "Member cannot be changed after creation"))


def constraint(value: object, parameter: str, rule: str) -> str:
    """Return the API's error text for a *value* of *parameter* that breaks *rule*."""
    name = parameter[0].lower() + parameter[1:]
    return f"Value '{value}' at '{name}' failed to satisfy constraint: {rule}."


def _problems(parameters: Parameters, function_timeout: int) -> Iterator[str]:
    yield from _source_problems(parameters)
    for name, (least, most) in RANGES.items():
        yield from _range_problems(parameters, name, name, least, most)
    age = parameters.get("MaximumRecordAgeInSeconds")
    if age is not None and age != -1 and not 60 <= age <= 604_800:  # noqa: PLR2004 - R3
        yield constraint(age, "MaximumRecordAgeInSeconds", "Member must be -1 or have a value from 60 to 604800")
    yield from _topic_problems(parameters)
    yield from _destination_problems(parameters)
    yield from _position_problems(parameters)
    group = group_id(parameters)
    if group is not None and not GROUP.fullmatch(group):
        yield _pattern(group, "consumerGroupId", GROUP)
    yield from _access_problems(parameters)
    yield from _poller_problems(parameters)
    yield from _list_problems(parameters)
    yield from _filter_problems(parameters)
    if function_timeout > LONGEST_FUNCTION_SECONDS:
        yield constraint(
            function_timeout, "timeout of the function", f"Member must be at most {LONGEST_FUNCTION_SECONDS} seconds"
        )


def _source_problems(parameters: Parameters) -> Iterator[str]:
    """Check that there is one source, complete, with the configuration block of its kind."""
    if not is_self_managed(parameters):
        if parameters.get(SELF_MANAGED_BLOCK):
            yield f"Unsupported '{_camel(SELF_MANAGED_BLOCK)}' parameter: the event source is an MSK cluster."
        return
    if parameters.get("EventSourceArn"):
        yield "EventSourceArn and SelfManagedEventSource cannot be combined: give one event source."
    if parameters.get(MSK_BLOCK):
        yield f"Unsupported '{_camel(MSK_BLOCK)}' parameter: the event source is self-managed."
    endpoints = (parameters["SelfManagedEventSource"] or {}).get("Endpoints") or {}
    if others := endpoints.keys() - {"KAFKA_BOOTSTRAP_SERVERS", "KafkaBootstrapServers"}:
        yield constraint(sorted(others), "endpoints", "Member must satisfy enum value set: [KAFKA_BOOTSTRAP_SERVERS]")
    brokers = self_managed_brokers(parameters)
    if not 1 <= len(brokers) <= MOST_BROKERS:
        yield constraint(brokers, "endpoints.KAFKA_BOOTSTRAP_SERVERS", f"Member must have 1 to {MOST_BROKERS} items")
    for broker in brokers:
        found = BROKER.fullmatch(broker)
        if not found or not 1 <= int(found["port"]) <= 65_535:  # noqa: PLR2004 - TCP's ports
            yield constraint(broker, "endpoints.KAFKA_BOOTSTRAP_SERVERS", "Member must be host:port")


def _topic_problems(parameters: Parameters) -> Iterator[str]:
    topics = parameters.get("Topics") or []
    if len(topics) != 1:
        yield constraint(topics, "topics", "Member must have exactly one item")
        return
    if not TOPIC.fullmatch(topics[0]):
        yield _pattern(topics[0], "topics", TOPIC)
    destination = on_failure_destination(parameters)
    if destination_topic(destination) == topics[0]:
        yield constraint(destination, DESTINATION, "Member must not be the source topic")


def _destination_problems(parameters: Parameters) -> Iterator[str]:
    try:
        check_destination(on_failure_destination(parameters) or "")
    except InvalidDestinationError as error:
        yield str(error)


def _position_problems(parameters: Parameters) -> Iterator[str]:
    position, moment = parameters.get("StartingPosition"), parameters.get("StartingPositionTimestamp")
    if not position:
        yield "Required 'startingPosition' parameter is missing."
    elif position not in POSITIONS:
        yield _enum(position, "startingPosition", POSITIONS)
    elif position != "AT_TIMESTAMP":
        if moment is not None:
            yield constraint(moment, "startingPositionTimestamp", "Member needs startingPosition AT_TIMESTAMP")
    elif moment is None:
        yield "Required 'startingPositionTimestamp' parameter is missing for startingPosition AT_TIMESTAMP."
    elif not 0 <= (moment.timestamp() if isinstance(moment, datetime) else float(moment)) <= time.time():
        yield constraint(moment, "startingPositionTimestamp", "Member must not be in the future, nor before 1970")


def _access_problems(parameters: Parameters) -> Iterator[str]:
    entries = parameters.get("SourceAccessConfigurations") or []
    if is_self_managed(parameters) and not entries:
        yield "Required 'sourceAccessConfigurations' parameter is missing."
    types = [entry.get("Type") for entry in entries]
    for entry, kind in zip(entries, types, strict=True):
        name, uri = "sourceAccessConfigurations", str(entry.get("URI") or "")
        if kind not in ACCESS_TYPES:
            yield _enum(kind, f"{name}.type", ACCESS_TYPES)
        elif not uri.startswith(prefix := NETWORK_URIS.get(kind, "arn:")) or uri == prefix:
            yield constraint(uri, f"{name}.URI", f"Member of type {kind} must begin with {prefix}")
    if ("VPC_SUBNET" in types) != ("VPC_SECURITY_GROUP" in types):
        yield constraint(types, "sourceAccessConfigurations", "VPC_SUBNET and VPC_SECURITY_GROUP go together")


def _poller_problems(parameters: Parameters) -> Iterator[str]:
    asked = parameters.get("ProvisionedPollerConfig") or {}
    for name, (least, most) in POLLERS.items():
        yield from _range_problems(asked, name, f"provisionedPollerConfig.{_camel(name)}", least, most)
    minimum, maximum = asked.get("MinimumPollers"), asked.get("MaximumPollers")
    if maximum is not None and (minimum or DEFAULT_POLLERS[0]) > maximum:
        rule = f"Member must be at least minimumPollers, which is {minimum}"
        yield constraint(maximum, "provisionedPollerConfig.maximumPollers", rule)
    group = asked.get("PollerGroupName") or ""
    if not POLLER_GROUP.fullmatch(group):
        yield _pattern(group, "provisionedPollerConfig.pollerGroupName", POLLER_GROUP)


def _list_problems(parameters: Parameters) -> Iterator[str]:
    """Check the parameters that are words of the API."""
    for name, found, known in (
        ("functionResponseTypes", parameters.get("FunctionResponseTypes"), RESPONSE_TYPES),
        ("metricsConfig.metrics", (parameters.get("MetricsConfig") or {}).get("Metrics"), METRICS),
    ):
        for value in found or ():
            if value not in known:
                yield _enum(value, name, known)
        if len(found or ()) > len(set(found or ())):
            yield constraint(found, name, "Member must have unique items")
    level = (parameters.get("LoggingConfig") or {}).get("SystemLogLevel")
    if level is not None and level not in LOG_LEVELS:
        yield _enum(level, "loggingConfig.systemLogLevel", LOG_LEVELS)


def _filter_problems(parameters: Parameters) -> Iterator[str]:
    """Check the number of filters and each pattern (F1, F3)."""
    filters = (parameters.get("FilterCriteria") or {}).get("Filters") or ()
    if len(filters) > MOST_FILTERS:
        yield constraint(len(filters), "filterCriteria.filters", f"Member must have at most {MOST_FILTERS} items")
    for each in filters:
        try:
            check_pattern(each.get("Pattern") or "")
        except InvalidPatternError as error:
            yield str(error)


def _range_problems(parameters: Parameters, key: str, name: str, least: int, most: int) -> Iterator[str]:
    value = parameters.get(key)
    if value is not None and not least <= value <= most:
        yield constraint(value, name, f"Member must have a value from {least} to {most}")


def _pattern(value: str, name: str, pattern: re.Pattern[str]) -> str:
    return constraint(value, name, f"Member must satisfy regular expression pattern: {pattern.pattern}")


def _enum(value: object, name: str, known: tuple[str, ...]) -> str:
    return constraint(value, name, f"Member must satisfy enum value set: [{', '.join(known)}]")


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
