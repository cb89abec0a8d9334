"""Tell an open breaker from a consumer that returns records for another reason: only its database knows."""

import contextlib
from collections.abc import Iterable

import msgspec

from millrace_local.deployment import operations
from millrace_local.deployment.operations import Kept
from millrace_local.mappings.place import Place
from millrace_local.problems import LocalCloudError
from millrace_plugin.kafka_trigger.conditions import Condition, arrange
from millrace_plugin.status.structures import Mapping

OPERATION = "operations.report_problems"


def with_breakers(mappings: Iterable[Mapping], place: Place) -> tuple[Mapping, ...]:
    """Return the mappings, and of those whose function returns records the open breaker as the cause.

    The operation is run only if there is such a mapping. Without its answer nothing is added.
    """
    found = tuple(mappings)
    if not any(map(_returns, found)):
        return found
    opened: set[str] = set()
    operation = operations.find(OPERATION)
    with contextlib.suppress(LocalCloudError):
        *_, last = operations.run(place.stage, operation, {}, Kept.of(place.instance, place.stage, operation))
        opened = {each["name"] for each in last["result"]}
    return tuple(_open(each) if _returns(each) and f"breaker {each.group}" in opened else each for each in found)


def _returns(mapping: Mapping) -> bool:
    """Return whether the function reports failed records instead of raising an error."""
    return any(_is_return(each) for each in mapping.conditions)


def _open(mapping: Mapping) -> Mapping:
    conditions = (
        msgspec.structs.replace(each, cause="breaker_open") if _is_return(each) else each for each in mapping.conditions
    )
    return msgspec.structs.replace(mapping, conditions=arrange(conditions))


def _is_return(condition: Condition) -> bool:
    return condition.cause == "retrying" and condition.detail is None
