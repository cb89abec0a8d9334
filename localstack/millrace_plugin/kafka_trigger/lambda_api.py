"""Check, create, update and delete Kafka mappings in LocalStack's Lambda API.

A function wraps the method of LocalStack's provider that it is named after, and leaves other sources to it.
"""

import datetime as dt
import logging
import os
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from threading import Lock
from typing import Any, cast

from localstack.aws.api.lambda_ import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceInUseException,
)
from localstack.services.lambda_.api_utils import (
    function_locators_from_arn,
    qualified_lambda_arn,
    unqualified_lambda_arn,
)
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.provider_utils import get_function_version_from_arn

from millrace_plugin.kafka_trigger import support, validation
from millrace_plugin.kafka_trigger.api_members import unknown_members
from millrace_plugin.kafka_trigger.conflicts import group_conflict
from millrace_plugin.kafka_trigger.settings import MSK_BLOCK, SELF_MANAGED_BLOCK, is_kafka
from millrace_plugin.kafka_trigger.worker import KafkaWorker
from millrace_plugin.settings import kafka_bootstrap

LOG = logging.getLogger(__name__)
Untyped = Any  # LocalStack's provider and context
Configuration = MutableMapping[str, Any]
Original = Callable[..., Untyped]

_ignored: dict[str, list[str]] = {}
"""By mapping, the members of requests that the API model does not know and that were accepted in lenient mode."""

_changing = Lock()
"""Held while a mapping is created, updated or deleted, because LocalStack's check and change are separate steps."""


def validate_event_source_mapping(
    original: Original, provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    """Run our checks before LocalStack's, whose texts are stubs.

    request: the parameters of a new mapping, or a whole mapping with an update applied.
    """
    if not is_kafka(request):
        return original(provider, context, request)
    try:
        validation.check(request, _function_timeout(context, request))
    except validation.InvalidParameterError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error
    unknown = _unknown(context)
    refuse_or_warn(support.find_gaps(request, unknown), request["Topics"][0])
    result = original(provider, context, request)
    if "UUID" in request:
        record_ignored(request["UUID"], unknown)
    else:
        _refuse_shared_group(request, function_arn=result[0])
    return result


def create_event_source_mapping_v2(
    original: Original, provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    with _changing:
        created = original(provider, context, request)
    if is_kafka(created):
        record_ignored(created["UUID"], _unknown(context))
    return created


def update_event_source_mapping_v2(
    original: Original, provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    with _changing:
        return _update(original, provider, context, request)


def _update(original: Original, provider: Untyped, context: Untyped, request: Configuration) -> Untyped:
    mappings = _mappings(context)
    uuid = request.get("UUID") or ""
    old, worker = mappings.get(uuid), provider.esm_workers.get(uuid)
    if old is None or not isinstance(worker, KafkaWorker):
        return original(provider, context, request)
    _refuse_if_deleting(provider, uuid, "update")
    try:
        validation.check_update(old, request)
    except validation.InvalidParameterError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error
    for block in (MSK_BLOCK, SELF_MANAGED_BLOCK):
        if block in request:
            request[block] = (old.get(block) or {}) | request[block]
    # LocalStack decides by the state alone whether the mapping is enabled, also during an update.
    if (enabled := request.get("Enabled")) == worker.enabled:
        request.pop("Enabled")
    elif enabled is not None:
        old["State"] = EsmState.ENABLED if worker.enabled else EsmState.DISABLED
    answer = original(provider, context, request)
    changed = mappings[uuid]
    changed.pop("Enabled", None)
    changed["LastModified"] = dt.datetime.now(dt.UTC)
    return answer | {"LastModified": changed["LastModified"]}


def delete_event_source_mapping(
    original: Original, provider: Untyped, context: Untyped, uuid: str, **options: Untyped
) -> Untyped:
    """Delete a mapping, and show it as Deleting until its invocation has ended. LocalStack would remove it at once."""
    with _changing:
        worker, configuration = provider.esm_workers.get(uuid), _mappings(context).get(uuid)
        if configuration is None or not isinstance(worker, KafkaWorker):
            return original(provider, context, uuid, **options)
        _refuse_if_deleting(provider, uuid, "delete")

        def forget() -> None:
            provider.esm_workers.pop(uuid, None)
            _ignored.pop(uuid, None)

        provider._remove_all_tags(configuration["EventSourceMappingArn"])  # noqa: SLF001 - as LocalStack's own deletion
        worker.delete(forget)
        return configuration | {"State": EsmState.DELETING}


def stored_mappings() -> Iterator[Configuration]:
    """Yield the Kafka mappings of all accounts and regions."""
    for regions in list(lambda_stores.values()):
        for store in list(regions.values()):
            yield from (mapping for mapping in list(store.event_source_mappings.values()) if is_kafka(mapping))


def warnings(configuration: Configuration) -> list[str]:
    """Return a sentence for each parameter of a mapping that has no effect on the local trigger."""
    return list(support.find_gaps(configuration, _ignored.get(configuration["UUID"], ())))


def record_ignored(uuid: str, unknown: list[str]) -> None:
    """Keep the members of a request that the API model does not know and that lenient mode accepted."""
    if unknown:
        _ignored.setdefault(uuid, []).extend(unknown)


def refuse_or_warn(gaps: Iterable[str], topic: str) -> None:
    """Refuse the first of *gaps*, or in lenient mode log all of them.

    Raises:
        InvalidParameterValueException: there is a gap, and the mode is not lenient.
    """
    for gap in gaps:
        if os.environ.get(support.LENIENT_VARIABLE) != "1":
            raise InvalidParameterValueException(support.refusal(gap), Type="User")
        LOG.warning("A mapping of topic %s: %s", topic, gap)


def _refuse_if_deleting(provider: Untyped, uuid: str, what: str) -> None:
    worker = provider.esm_workers.get(uuid)
    if worker and worker.current_state == EsmState.DELETING:
        message = f"Cannot {what} the event source mapping because it is in use."
        raise ResourceInUseException(message, Type="User")


def _refuse_shared_group(request: Configuration, function_arn: str) -> None:
    """Refuse a group of another mapping (G7), also of another account or region: groups are Kafka's."""
    conflict = group_conflict(request, stored_mappings(), function_arn, kafka_bootstrap())
    if conflict:
        raise ResourceConflictException(conflict, Type="User")


def _mappings(context: Untyped) -> dict[str, dict[str, Any]]:
    """Return the mappings of the request's account and region, by UUID."""
    return cast("dict[str, dict[str, Any]]", lambda_stores[context.account_id][context.region].event_source_mappings)


def _function_timeout(context: Untyped, request: Configuration) -> int:
    """Return the timeout in seconds of the version that the mapping invokes.

    Raises:
        ResourceNotFoundException: the function, alias or version does not exist (V1).
    """
    asked = request.get("FunctionName") or request["FunctionArn"]
    name, qualifier, account, region = function_locators_from_arn(asked)
    place = (account or context.account_id, region or context.region)
    arn = qualified_lambda_arn(name, qualifier, *place) if qualifier else unqualified_lambda_arn(name, *place)
    return int(get_function_version_from_arn(arn).config.timeout)


def _unknown(context: Untyped) -> list[str]:
    """Return the paths of the request's members that LocalStack's API model does not know."""
    body = context.request.get_json(silent=True, force=True) or {}
    return list(unknown_members(context.operation.input_shape, body))
