"""Create and update functions, aliases, URLs and mappings with the properties that LocalStack leaves out."""

import time
from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.lambda_.resource_providers.aws_lambda_eventsourcemapping import (
    LambdaEventSourceMappingProvider,
)
from localstack.services.lambda_.resource_providers.aws_lambda_function import (
    LambdaFunctionProvider,
    _get_lambda_code_param,
)
from localstack.services.lambda_.resource_providers.aws_lambda_url import LambdaUrlProvider
from localstack.services.lambda_.resource_providers.lambda_alias import LambdaAliasProvider
from localstack.utils.patch import patch

from millrace_plugin.cloudformation.differences import Model, changed_properties
from millrace_plugin.cloudformation.updates import IN_PLACE
from millrace_plugin.kafka_trigger import cloudformation as kafka_mappings
from millrace_plugin.kafka_trigger.template_changes import changed_parameters
from millrace_plugin.lambda_runtime import configuration

Untyped = Any  # LocalStack's providers and requests

# The values that reset a property that the new template no longer has.
ABSENT: Model = {
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "Layers": [],
    "LoggingConfig": {"LogFormat": "Text"},
    "MemorySize": 128,
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SecurityGroupIds": [], "SubnetIds": []},
}
CONFIGURATION = (*ABSENT, "Handler", "ImageConfig", "Role", "Runtime")
POLL_SECONDS = 0.05
# The API cannot update these, so a mapping with another topic is a new mapping.
MAPPING_REPLACED_BY = ("/properties/Topics", "/properties/Queues")


class FunctionUpdateError(Exception):
    """The new version of the function could not be started. The message is Lambda's reason."""


def install() -> None:
    schema = LambdaEventSourceMappingProvider.SCHEMA
    schema["createOnlyProperties"] = sorted({*schema["createOnlyProperties"], *MAPPING_REPLACED_BY})
    patch(LambdaFunctionProvider.create)(_create_function)
    patch(LambdaAliasProvider.create)(_create_alias)
    patch(LambdaUrlProvider.create)(_create_url)
    IN_PLACE["AWS::Lambda::Function"] = _update_function
    IN_PLACE["AWS::Lambda::Alias"] = _update_alias
    IN_PLACE["AWS::Lambda::EventSourceMapping"] = _update_mapping
    IN_PLACE["AWS::Lambda::Url"] = _update_url


def _create_function(original: Callable[..., Untyped], provider: Untyped, request: Untyped) -> Untyped:
    """Create a function with the properties that LocalStack leaves out, or refuse it as the API does."""
    configuration.check(request.desired_state)
    event = original(provider, request)
    if event.status == OperationStatus.IN_PROGRESS:
        # LocalStack would poll again after a second, and an application has many functions.
        _wait_until_started(request, event.resource_model["FunctionName"])
        event = original(provider, request)
    if event.status == OperationStatus.SUCCESS:
        try:
            _complete(request, event.resource_model["FunctionName"])
        except Exception as error:  # noqa: BLE001 - failed with its name, so that the function can be deleted
            return ProgressEvent(OperationStatus.FAILED, resource_model=event.resource_model, message=str(error))
    return event


def _complete(request: Untyped, name: str) -> None:
    functions, wanted = request.aws_client_factory.lambda_, request.desired_state
    if storage := wanted.get("EphemeralStorage"):
        functions.update_function_configuration(FunctionName=name, EphemeralStorage=_convert_size(storage))
        _wait(functions, name)
    if "ReservedConcurrentExecutions" in wanted:
        _reserve(request, name)


def _update_function(request: Untyped) -> Model:
    """Update code and configuration, each only if it changed. The old version serves until the new one is ready."""
    old, new = request.previous_state, request.desired_state
    configuration.check(new)
    functions, name = request.aws_client_factory.lambda_, old["FunctionName"]
    changed = set(changed_properties(old, new))
    if "Code" in new and changed & {"Architectures", "Code"}:
        functions.update_function_code(FunctionName=name, **_get_lambda_code_param(new, _include_arch=True))
        _wait(functions, name)
    if settings := {each: new.get(each, ABSENT.get(each)) for each in CONFIGURATION if each in changed}:
        functions.update_function_configuration(FunctionName=name, **_convert_types(settings))
        _wait(functions, name)
    if "Tags" in changed:
        _tag(functions, old["Arn"], _tags_by_key(old.get("Tags")), _tags_by_key(new.get("Tags")))
    if "ReservedConcurrentExecutions" in changed:
        _reserve(request, name)
    return dict(new)


def _convert_types(settings: Model) -> Model:
    """Return the settings with the API's types, because a template parameter's value is text."""
    for name in ("MemorySize", "Timeout"):
        if name in settings:
            settings[name] = int(settings[name])
    if "EphemeralStorage" in settings:
        settings["EphemeralStorage"] = _convert_size(settings["EphemeralStorage"])
    if "Environment" in settings:
        variables = settings["Environment"].get("Variables") or {}
        settings["Environment"] = {"Variables": {name: str(value) for name, value in variables.items()}}
    return {name: value for name, value in settings.items() if value is not None}


def _convert_size(storage: Model) -> Model:
    return {"Size": int(storage["Size"])}


def _wait(functions: Untyped, name: str) -> None:
    """Wait until the update is applied. boto3's waiter polls once a second, and an application has many functions."""
    while (found := functions.get_function_configuration(FunctionName=name))["LastUpdateStatus"] == "InProgress":
        time.sleep(POLL_SECONDS)
    if found["LastUpdateStatus"] == "Failed":
        raise FunctionUpdateError(found.get("LastUpdateStatusReason") or f"The update of {name} failed.")


def _wait_until_started(request: Untyped, name: str) -> None:
    """Wait until a new function has left the state Pending."""
    functions = request.aws_client_factory.lambda_
    while functions.get_function_configuration(FunctionName=name)["State"] == "Pending":
        time.sleep(POLL_SECONDS)


def _tag(functions: Untyped, arn: str, old: dict[str, str], new: dict[str, str]) -> None:
    if gone := sorted(old.keys() - new.keys()):
        functions.untag_resource(Resource=arn, TagKeys=gone)
    if new:
        functions.tag_resource(Resource=arn, Tags=new)


def _tags_by_key(tags: list[dict[str, str]] | None) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags or []}


def _reserve(request: Untyped, name: str) -> None:
    functions = request.aws_client_factory.lambda_
    reserved = request.desired_state.get("ReservedConcurrentExecutions")
    if reserved is not None:
        functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))
    elif "ReservedConcurrentExecutions" in (request.previous_state or {}):
        functions.delete_function_concurrency(FunctionName=name)


def _create_alias(original: Callable[..., Untyped], provider: Untyped, request: Untyped) -> Untyped:
    """Create the alias, then set its weights, whose shape LocalStack mistakes for the API's."""
    model = request.desired_state
    routing = model.pop("RoutingConfig", None)
    event = original(provider, request)
    if routing:
        model["RoutingConfig"] = event.resource_model["RoutingConfig"] = routing
        _set_alias(request)
    return event


def _update_alias(request: Untyped) -> Model:
    old, new = request.previous_state, request.desired_state
    _set_alias(request)
    if "ProvisionedConcurrencyConfig" in changed_properties(old, new):
        _provision(request.aws_client_factory.lambda_, new)
    return dict(new)


def _set_alias(request: Untyped) -> None:
    new = request.desired_state
    weights = (new.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or []
    request.aws_client_factory.lambda_.update_alias(
        FunctionName=new["FunctionName"],
        Name=new["Name"],
        FunctionVersion=new["FunctionVersion"],
        Description=new.get("Description") or "",
        RoutingConfig={
            "AdditionalVersionWeights": {each["FunctionVersion"]: float(each["FunctionWeight"]) for each in weights}
        },
    )


def _provision(functions: Untyped, alias: Model) -> None:
    """Set an alias's provisioned concurrency, and wait until it is ready."""
    which = {"FunctionName": alias["FunctionName"], "Qualifier": alias["Name"]}
    wanted = (alias.get("ProvisionedConcurrencyConfig") or {}).get("ProvisionedConcurrentExecutions")
    if wanted is None:
        functions.delete_provisioned_concurrency_config(**which)
        return
    functions.put_provisioned_concurrency_config(**which, ProvisionedConcurrentExecutions=int(wanted))
    while (found := functions.get_provisioned_concurrency_config(**which))["Status"] == "IN_PROGRESS":
        time.sleep(POLL_SECONDS)
    if found["Status"] == "FAILED":
        message = f"The provisioned concurrency of {which['FunctionName']}:{which['Qualifier']} could not be started."
        raise FunctionUpdateError(message)


def _update_mapping(request: Untyped) -> Model:
    old, new = request.previous_state, request.desired_state
    kafka_mappings.check_update(request)
    functions = request.aws_client_factory.lambda_
    mapping = functions.update_event_source_mapping(UUID=old["Id"], **changed_parameters(old, new))
    arn = mapping["EventSourceMappingArn"]
    _tag(functions, arn, _tags_by_key(old.get("Tags")), _tags_by_key(new.get("Tags")))
    return dict(new) | {"EventSourceMappingArn": arn}


def _create_url(original: Callable[..., Untyped], provider: Untyped, request: Untyped) -> Untyped:
    request.desired_state = _convert_cors(request.desired_state)
    return original(provider, request)


def _convert_cors(url: Model) -> Model:
    """Return the URL's properties with the API's types, because a template parameter's value is text."""
    if not (cors := url.get("Cors")):
        return dict(url)
    types: dict[str, Callable[[Untyped], object]] = {"AllowCredentials": _is_true, "MaxAge": int}
    return url | {"Cors": cors | {name: as_type(cors[name]) for name, as_type in types.items() if name in cors}}


def _is_true(value: object) -> bool:
    return str(value).lower() == "true"


def _update_url(request: Untyped) -> Model:
    new = _convert_cors(request.desired_state)
    names = ("AuthType", "Cors", "InvokeMode", "Qualifier")
    wanted = {"Cors": {}} | {name: new[name] for name in names if name in new}
    functions = request.aws_client_factory.lambda_
    functions.update_function_url_config(FunctionName=new["TargetFunctionArn"], **wanted)
    return dict(new)
