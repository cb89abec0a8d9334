"""Describe a function or a mapping from what LocalStack and the brokers say of it."""

from collections.abc import Mapping as ReadOnlyDict
from datetime import datetime
from typing import Any

import msgspec

from millrace_plugin.kafka_trigger.offsets import PartitionOffsets, total_lag
from millrace_plugin.status.structures import Function, Mapping, Partition

type Answer = ReadOnlyDict[tuple[str, str], tuple[PartitionOffsets, ...]] | Exception
"""The offsets of each consumer group and topic at a Kafka, or why they are unknown."""

WELL = {"Active", "Inactive"}


def function(logical_id: str, configuration: ReadOnlyDict[str, Any], environments: int) -> Function:
    """Return the state of a function from its configuration as GetFunctionConfiguration shows it."""
    state = str(configuration.get("State") or "Active")
    modified, reason = configuration.get("LastModified"), configuration.get("StateReason")
    return Function(
        name=logical_id,
        domain=_domain(configuration.get("Handler")),
        state=state,
        handler=configuration.get("Handler"),
        timeout_s=configuration["Timeout"],
        memory_mb=configuration["MemorySize"],
        last_modified=datetime.fromisoformat(modified) if modified else None,
        environments=environments,
        reason=reason or configuration.get("LastUpdateStatusReason"),
        problem=None if state in WELL else reason or f"Its state is {state}.",
    )


def missing_function(logical_id: str, handler: str | None) -> Function:
    """Return the state of a function that the stack names and Lambda does not have."""
    problem = "The function is gone: ./millrace down and ./millrace up bring it back."
    return Function(name=logical_id, domain=_domain(handler), state="missing", environments=0, problem=problem)


def _domain(handler: str | None) -> str | None:
    return handler.partition(".")[0] if handler else None


def with_lag(mapping: Mapping, answer: Answer) -> Mapping:
    """Return the mapping with its lag, or with the reason why the lag is unknown as its problem."""
    offsets = None if isinstance(answer, Exception) else answer.get((mapping.group, mapping.topic))
    if offsets is None:
        why = answer if isinstance(answer, Exception) else f"{mapping.bootstrap} has no such topic"
        problems = [mapping.problem, f"The lag is unknown: {why}"]
        return msgspec.structs.replace(mapping, problem="; ".join(each for each in problems if each))
    partitions = tuple(
        Partition(number=each.number, committed=each.committed, earliest=each.earliest, end=each.end, lag=each.lag)
        for each in offsets
    )
    return msgspec.structs.replace(mapping, lag=total_lag(offsets), partitions=partitions)
