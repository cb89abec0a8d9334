"""Apply updates of resources to LocalStack's services, or refuse them.

For about 80 types LocalStack has no update: it reports success and changes nothing. Here a function of `IN_PLACE` makes
such an update, or the resource is re-created if it holds no data. Otherwise it fails and names what cannot change.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.resource_provider import (
    OperationStatus,
    ProgressEvent,
    ResourceProviderExecutor,
    convert_payload,
)
from localstack.utils.patch import patch

from millrace_plugin.cloudformation import log_groups, roles
from millrace_plugin.cloudformation.differences import Model, as_text, changed_properties
from millrace_plugin.cloudformation.refusals import no_update

Untyped = Any  # LocalStack's providers and requests
Update = Callable[[Untyped], Model]
"""Change a resource in place, as `request.desired_state` says. Returns what the resource is afterwards."""

IN_PLACE: dict[str, Update] = {}

# Types without data or identity of their own: re-creating them equals an update.
RECREATED = {
    "AWS::ApiGateway::GatewayResponse",
    "AWS::ApiGateway::Model",
    "AWS::ApiGateway::RequestValidator",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::Events::EventBusPolicy",
    "AWS::Events::Rule",
    "AWS::KMS::Alias",
    "AWS::Lambda::EventInvokeConfig",
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Logs::SubscriptionFilter",
    "AWS::S3::BucketPolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::Scheduler::Schedule",
    "AWS::SecretsManager::ResourcePolicy",
}
# Types whose generated name LocalStack keeps only in the identifier (of a rule: `bus|name`).
NAMED_BY_ID = {"AWS::CloudWatch::Alarm": "AlarmName", "AWS::Events::Rule": "Name"}


class CannotUpdateError(Exception):
    """LocalStack cannot change the resource. The message says what to do instead."""


def install() -> None:
    patch(ResourceProviderExecutor.execute_action)(_execute_action)
    patch(ChangeSetModelExecutor._execute_resource_change)(_decide_replacement)  # noqa: SLF001 - the engine's one place
    log_groups.install()
    IN_PLACE.update(
        {
            "AWS::Logs::LogGroup": log_groups.update,
            "AWS::IAM::ManagedPolicy": roles.update_managed_policy,
            "AWS::IAM::Role": roles.update_role,
            "AWS::SecretsManager::Secret": _update_secret,
        }
    )


def _decide_replacement(
    original: Callable[..., None], executor: Untyped, name: str, before: Untyped, after: Untyped
) -> None:
    """Replace a resource only if a create-only property has another value.

    LocalStack replaces it if a create-only property refers to a changed resource, even if the value is the same: the alias
    of a function with new code, the permission on it.
    """
    if not is_nothing(before) and not is_nothing(after) and before.resource_type == after.resource_type:
        old, new = before.properties.properties, after.properties.properties
        create_only = _create_only(ResourceProviderExecutor.try_load_resource_provider(after.resource_type))
        after.requires_replacement = any(as_text(old.get(each)) != as_text(new.get(each)) for each in create_only)
    original(executor, name, before, after)


def _create_only(provider: Untyped) -> list[str]:
    return _names(provider, "createOnlyProperties")


def _read_only(provider: Untyped) -> list[str]:
    return _names(provider, "readOnlyProperties")


def _names(provider: Untyped, kind: str) -> list[str]:
    pointers = provider.SCHEMA.get(kind) or [] if provider else []
    return [pointer.removeprefix("/properties/") for pointer in pointers]


def _execute_action(
    original: Callable[..., Untyped], executor: Untyped, provider: Untyped, payload: Untyped
) -> Untyped:
    if payload["action"] not in {"Modify", "Dynamic"}:
        event = original(executor, provider, payload)
        if event.status == OperationStatus.FAILED and (error := event.custom_context.get("exception")):
            event.message = str(error)  # LocalStack says only that a deletion failed
        return event
    request = convert_payload(stack_name=executor.stack_name, stack_id=executor.stack_id, payload=payload)
    if request.previous_state is None:
        request.previous_state = {}
    try:
        return _update(provider, request)
    except Exception as error:  # noqa: BLE001 - any error is the reason why the update failed
        return ProgressEvent(
            OperationStatus.FAILED, resource_model={}, message=str(error), custom_context={"exception": error}
        )


def _update(provider: Untyped, request: Untyped) -> Untyped:
    if update := IN_PLACE.get(request.resource_type):
        own = {*_read_only(provider), *_create_only(provider)}
        kept = {name: value for name, value in request.previous_state.items() if name in own}
        return ProgressEvent(OperationStatus.SUCCESS, resource_model=kept | update(request))
    try:
        return provider.update(request)
    except NotImplementedError:
        known = provider.SCHEMA["properties"].keys() - set(_read_only(provider)) - set(_create_only(provider))
        old = {name: value for name, value in request.previous_state.items() if name in known}
        changed = changed_properties(old, request.desired_state)
        if not changed:
            return ProgressEvent(OperationStatus.SUCCESS, resource_model=request.previous_state)
        if request.resource_type not in RECREATED:
            raise CannotUpdateError(no_update(request.logical_resource_id, request.resource_type, changed)) from None
        return _recreate(provider, request)


def _recreate(provider: Untyped, request: Untyped) -> Untyped:
    # A generated name stays, because create-only properties do not change in an update.
    kept = {name: request.previous_state[name] for name in _create_only(provider) if name in request.previous_state}
    if name := NAMED_BY_ID.get(request.resource_type):
        kept[name] = request.previous_state["Id"].rpartition("|")[2]
    provider.delete(replace(request, desired_state=dict(request.previous_state)))
    return provider.create(replace(request, desired_state=kept | request.desired_state, previous_state=None))


def _update_secret(request: Untyped) -> Model:
    wanted = {
        name: request.desired_state[name] for name in ("Description", "KmsKeyId") if name in request.desired_state
    }
    if (text := request.desired_state.get("SecretString")) and text != request.previous_state.get("SecretString"):
        wanted["SecretString"] = text
    request.aws_client_factory.secretsmanager.update_secret(SecretId=request.previous_state["Id"], **wanted)
    return dict(request.desired_state)
