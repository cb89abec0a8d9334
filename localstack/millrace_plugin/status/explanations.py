"""Complete what the trigger knows of a mapping with what only Lambda's API and the brokers know."""

from collections.abc import Collection, Iterator

import msgspec

from millrace_plugin.kafka_trigger.conditions import Cause, Condition, Member, arrange
from millrace_plugin.status.descriptions import Answer
from millrace_plugin.status.structures import Mapping

STARTING = {"Creating", "Enabling", "Updating"}
STOPPING = {"Disabling", "Deleting"}


def is_short_of_partitions(mapping: Mapping) -> bool:
    """Return whether the topic has partitions that the group has not assigned to the mapping."""
    return mapping.state == "Enabled" and bool(
        {each.number for each in mapping.partitions or ()} - set(mapping.owned or ())
    )


def complete(mapping: Mapping, answer: Answer, others: Collection[Member]) -> Mapping:
    """Return the mapping with all of its conditions, the first one of which explains the others.

    answer: what its brokers told of offsets.
    others: the other members of its group.
    """
    if mapping.state in STARTING | STOPPING | {"Disabled"}:
        own = [_of_state(mapping), *(each for each in mapping.conditions if each.cause == "no_broker")]
        return msgspec.structs.replace(mapping, conditions=arrange(own))
    known = {each.cause for each in mapping.conditions}
    found = [*mapping.conditions, *_of_partitions(mapping, others)]
    if isinstance(answer, Exception) and not known & {"no_broker", "source_failed"}:
        found.append(Condition(cause="no_broker", detail=str(answer)))
    if not mapping.conditions:
        found += _of_lag(mapping)
    return msgspec.structs.replace(mapping, conditions=arrange(found or [Condition(cause="unknown")]))


def _of_state(mapping: Mapping) -> Condition:
    if mapping.state in STARTING:
        return Condition(cause="starting", since=mapping.last_modified)
    cause: Cause = "disabled" if mapping.state == "Disabled" else "stopping"
    return Condition(cause=cause, since=mapping.last_modified, detail=mapping.reason)


def _of_partitions(mapping: Mapping, others: Collection[Member]) -> Iterator[Condition]:
    """Yield who has the partitions that the mapping has not, or that the group is about to assign them."""
    if not is_short_of_partitions(mapping):
        return
    total = len(mapping.partitions or ())
    missing = total - len(mapping.owned or ())
    if members := tuple(each for each in others if each.partitions):
        yield Condition(cause="partitions_held", records=missing, total=total, members=members)
    elif not any(each.cause == "joining" for each in mapping.conditions):
        yield Condition(cause="joining")


def _of_lag(mapping: Mapping) -> Iterator[Condition]:
    if mapping.lag is None:
        return
    if mapping.lag:
        yield Condition(cause="reading", records=mapping.lag)
        return
    counted = mapping.counters or {}
    polled, filtered = counted.get("PolledEventCount", 0), counted.get("FilteredOutEventCount", 0)
    if mapping.filters and polled and polled == filtered:
        yield Condition(cause="filtered", records=filtered, total=polled)
    else:
        yield Condition(cause="idle")
