"""Mappings of Kafka in LocalStack's Lambda API: what it takes, refuses and shows of them.

Each function wraps the method of LocalStack's provider that it is named after, and leaves other sources to it.
"""

import datetime as dt
import logging
import os
from collections.abc import Callable, Iterator, MutableMapping
from threading import Lock
from typing import Any

from localstack.aws.api.lambda_ import (
    InvalidParameterValueException,
    ResourceConflictException,
    ResourceInUseException,
)
from localstack.services.lambda_.api_utils import function_locators_from_arn
from localstack.services.lambda_.event_source_mapping.esm_worker import EsmState
from localstack.services.lambda_.invocation.models import lambda_stores
from rolo import Request, Response

from millrace_local.kafka_trigger import support, validation
from millrace_local.kafka_trigger.conflicts import group_conflict
from millrace_local.kafka_trigger.members import unknown_members
from millrace_local.kafka_trigger.settings import MSK_BLOCK, SELF_MANAGED_BLOCK, Settings, is_kafka
from millrace_local.kafka_trigger.worker import KafkaWorker

LOG = logging.getLogger(__name__)
Untyped = Any  # LocalStack's provider and context
Configuration = MutableMapping[str, Any]
Original = Callable[..., Untyped]

_ignored: dict[str, list[str]] = {}
"""By mapping, the members of requests that the API model does not know and that were accepted in lenient mode."""

_creating = Lock()
"""Held from the check for conflicts until the new mapping is stored."""


def show_mappings(_request: Request) -> Response:
    """Answer `GET /_millrace/mappings`: all mappings of Kafka by UUID.

    Each has its topic, group, brokers, function, last result, counters (null while it does not poll) and *warnings*:
    what it asks for and the local trigger does not do.
    """
    return Response.for_json({each["UUID"]: _description(each) for each in _stored_mappings()})


def validate_event_source_mapping(
    original: Original, provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    """Make our checks before LocalStack's, whose texts are stubs.

    request: the parameters to create, or the whole mapping as an update would leave it.
    """
    if not is_kafka(request):
        return original(provider, context, request)
    try:
        validation.check(request, _function_timeout(provider, context, request))
    except validation.InvalidParameterError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error
    unknown = _unknown(context)
    gaps = list(support.gaps(request, unknown))
    if gaps and not _is_lenient():
        raise InvalidParameterValueException(support.refusal(gaps[0]), Type="User")
    result = original(provider, context, request)
    if "UUID" not in request:
        _refuse_shared_group(request, function_arn=result[0])
    elif unknown:
        _ignored.setdefault(request["UUID"], []).extend(unknown)
    for gap in gaps:
        LOG.warning("Mapping of %s on %s: %s", result[1], request["Topics"][0], gap)
    return result


def create_event_source_mapping_v2(
    original: Original, provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    with _creating:
        created = original(provider, context, request)
    if is_kafka(created) and (unknown := _unknown(context)):
        _ignored[created["UUID"]] = unknown
    return created


def update_event_source_mapping_v2(
    original: Original, provider: Untyped, context: Untyped, request: Configuration
) -> Untyped:
    mappings = lambda_stores[context.account_id][context.region].event_source_mappings
    old = mappings.get(request.get("UUID"))
    if old is None or not is_kafka(old):
        return original(provider, context, request)
    _refuse_if_deleting(provider, old["UUID"], "update")
    try:
        validation.check_update(old, request)
    except validation.InvalidParameterError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error
    for block in (MSK_BLOCK, SELF_MANAGED_BLOCK):
        if block in request:
            request[block] = (old.get(block) or {}) | request[block]
    answer = original(provider, context, request)
    changed = mappings[old["UUID"]]
    changed.pop("Enabled", None)
    changed["LastModified"] = dt.datetime.now(dt.UTC)
    return answer | {"LastModified": changed["LastModified"]}


def delete_event_source_mapping(
    original: Original, provider: Untyped, context: Untyped, uuid: str, **options: Untyped
) -> Untyped:
    """Show the mapping as Deleting until its invocation has ended: LocalStack would not find it from now on."""
    worker = provider.esm_workers.get(uuid)
    if not isinstance(worker, KafkaWorker):
        return original(provider, context, uuid, **options)
    _refuse_if_deleting(provider, uuid, "delete")
    configuration = dict(lambda_stores[context.account_id][context.region].event_source_mappings[uuid])

    def forget() -> None:
        provider.esm_workers.pop(uuid, None)
        _ignored.pop(uuid, None)

    provider._remove_all_tags(configuration["EventSourceMappingArn"])  # noqa: SLF001 - as LocalStack's own deletion
    worker.delete(forget)
    return configuration | {"State": EsmState.DELETING}


def _refuse_if_deleting(provider: Untyped, uuid: str, what: str) -> None:
    worker = provider.esm_workers.get(uuid)
    if worker and worker.current_state == EsmState.DELETING:
        message = f"Cannot {what} the event source mapping because it is in use."
        raise ResourceInUseException(message, Type="User")


def _refuse_shared_group(request: Configuration, function_arn: str) -> None:
    """G7; groups are Kafka's, so those of every account and region count."""
    conflict = group_conflict(request, _stored_mappings(), function_arn, _msk_bootstrap())
    if conflict:
        raise ResourceConflictException(conflict, Type="User")


def _stored_mappings() -> Iterator[Configuration]:
    for regions in lambda_stores.values():
        for store in regions.values():
            yield from (mapping for mapping in list(store.event_source_mappings.values()) if is_kafka(mapping))


def _description(configuration: Configuration) -> dict[str, object]:
    uuid, settings = configuration["UUID"], Settings.from_configuration(configuration, _msk_bootstrap())
    running = KafkaWorker.running.get(uuid)
    return {
        "topic": settings.topic,
        "group": settings.group,
        "bootstrap": settings.bootstrap,
        "functionArn": settings.function_arn,
        "lastProcessingResult": configuration["LastProcessingResult"],
        "counters": running.counters.as_dict() if running else None,
        "warnings": list(support.gaps(configuration, _ignored.get(uuid, ()))),
    }


def _msk_bootstrap() -> str:
    return os.environ["MILLRACE_KAFKA_BOOTSTRAP"]


def _function_timeout(provider: Untyped, context: Untyped, request: Configuration) -> int:
    name, _, account, region = function_locators_from_arn(request.get("FunctionName") or request["FunctionArn"])
    find = provider._get_function  # noqa: SLF001 - it answers with the API's own error (V1)
    function = find(name, account or context.account_id, region or context.region)
    return int(function.latest().config.timeout)


def _unknown(context: Untyped) -> list[str]:
    """Return the paths of the request's members that LocalStack's API model does not know."""
    body = context.request.get_json(silent=True, force=True) or {}
    return list(unknown_members(context.operation.input_shape, body))


def _is_lenient() -> bool:
    return os.environ.get(support.LENIENT_VARIABLE) == "1"
