"""Update REST APIs, their deployments and stages in place, so that requests are served without interruption."""

import json
from collections.abc import Callable
from typing import Any

import yaml
from localstack.services.apigateway.resource_providers.aws_apigateway_restapi import ApiGatewayRestApiProvider
from localstack.utils.patch import patch

from millrace_plugin.cloudformation.differences import Model, changed_properties
from millrace_plugin.cloudformation.refusals import no_update
from millrace_plugin.cloudformation.updates import IN_PLACE, CannotUpdateError

Untyped = Any  # LocalStack's providers and requests
REST_API_UPDATES = {"Body", "BinaryMediaTypes", "Description", "FailOnWarnings", "Mode", "Name", "Parameters"}
STAGE_UPDATES = {"AccessLogSetting", "DeploymentId", "Description", "TracingEnabled", "Variables"}
GATEWAY_RESPONSES = "x-amazon-apigateway-gateway-responses"


def install() -> None:
    patch(ApiGatewayRestApiProvider.create)(_create_rest_api)
    IN_PLACE["AWS::ApiGateway::RestApi"] = _update_rest_api
    IN_PLACE["AWS::ApiGateway::Deployment"] = _update_deployment
    IN_PLACE["AWS::ApiGateway::Stage"] = _update_stage


def _create_rest_api(original: Callable[..., Untyped], provider: Untyped, request: Untyped) -> Untyped:
    event = original(provider, request)
    body = request.desired_state.get("Body")
    _put_gateway_responses(request, event.resource_model["RestApiId"], _parse_body(body))
    return event


def _update_rest_api(request: Untyped) -> Model:
    """Import the new body over the old one. Stages serve their deployment, a copy, until they get a new one."""
    old: Model = request.previous_state
    new: Model = request.desired_state
    api_gateway, api_id = request.aws_client_factory.apigateway, old["RestApiId"]
    changed = _changed(old, new)
    if out_of_reach := changed - REST_API_UPDATES:
        raise CannotUpdateError(no_update(request.logical_resource_id, request.resource_type, sorted(out_of_reach)))
    patches = [
        {"op": "replace", "path": f"/{name.lower()}", "value": new.get(name) or ""}
        for name in ("Name", "Description")
        if name in changed
    ]
    patches += _media_types(old.get("BinaryMediaTypes") or [], new.get("BinaryMediaTypes") or [])
    if patches:
        api_gateway.update_rest_api(restApiId=api_id, patchOperations=patches)
    if "Body" in new:
        body = new["Body"]
        api_gateway.put_rest_api(
            restApiId=api_id,
            mode="overwrite",
            body=(json.dumps(body) if isinstance(body, dict) else body).encode(),
            parameters={"basepath": "ignore"} | (new.get("Parameters") or {}),
        )
        _put_gateway_responses(request, api_id, _parse_body(body))
    root = next(each["id"] for each in api_gateway.get_resources(restApiId=api_id)["items"] if each["path"] == "/")
    return {"Name": old["Name"]} | new | {"RootResourceId": root}


def _update_deployment(request: Untyped) -> Model:
    """Change only the description. For a changed API, SAM and CDK create a deployment with another logical id."""
    old, new = request.previous_state, request.desired_state
    if out_of_reach := _changed(old, new) - {"Description"}:
        raise CannotUpdateError(no_update(request.logical_resource_id, request.resource_type, sorted(out_of_reach)))
    request.aws_client_factory.apigateway.update_deployment(
        restApiId=old["RestApiId"],
        deploymentId=old["DeploymentId"],
        patchOperations=[{"op": "replace", "path": "/description", "value": new.get("Description") or ""}],
    )
    return dict(new)


def _update_stage(request: Untyped) -> Model:
    old, new = request.previous_state, request.desired_state
    changed = _changed(old, new)
    if out_of_reach := changed - STAGE_UPDATES:
        raise CannotUpdateError(no_update(request.logical_resource_id, request.resource_type, sorted(out_of_reach)))
    patches = [{"op": "replace", "path": "/deploymentId", "value": new["DeploymentId"]}]
    patches += _changes("/variables", old.get("Variables"), new.get("Variables"))
    patches += _changes(
        "/accessLogSettings", _lower_names(old.get("AccessLogSetting")), _lower_names(new.get("AccessLogSetting"))
    )
    if "Description" in changed:
        patches.append({"op": "replace", "path": "/description", "value": new.get("Description") or ""})
    if "TracingEnabled" in changed:
        patches.append(
            {"op": "replace", "path": "/tracingEnabled", "value": str(bool(new.get("TracingEnabled"))).lower()}
        )
    request.aws_client_factory.apigateway.update_stage(
        restApiId=old["RestApiId"], stageName=old["StageName"], patchOperations=patches
    )
    return dict(new)


def _changed(old: Model, new: Model) -> set[str]:
    """Return the names of the declared properties that differ, without identifiers and a generated name."""
    generated = {"DeploymentId", "Name", "RestApiId", "RootResourceId", "StageName"} - new.keys()
    return set(changed_properties({name: value for name, value in old.items() if name not in generated}, new))


def _changes(path: str, old: Model | None, new: Model | None) -> list[dict[str, str]]:
    old, new = old or {}, new or {}
    removed = [{"op": "remove", "path": f"{path}/{name}"} for name in old.keys() - new.keys()]
    return removed + [
        {"op": "replace", "path": f"{path}/{name}", "value": str(value)}
        for name, value in new.items()
        if old.get(name) != value
    ]


def _lower_names(settings: Model | None) -> Model:
    return {name[0].lower() + name[1:]: value for name, value in (settings or {}).items()}


def _media_types(old: list[str], new: list[str]) -> list[dict[str, str]]:
    return [
        {"op": operation, "path": "/binaryMediaTypes/" + media_type.replace("/", "~1")}
        for operation, media_types in (("remove", set(old) - set(new)), ("add", set(new) - set(old)))
        for media_type in sorted(media_types)
    ]


def _parse_body(body: object) -> Model:
    parsed = yaml.safe_load(body) if isinstance(body, str) else body
    return parsed if isinstance(parsed, dict) else {}


def _put_gateway_responses(request: Untyped, api_id: str, body: Model) -> None:
    """Create the gateway responses of a body, which LocalStack's import leaves out."""
    api_gateway, declared = request.aws_client_factory.apigateway, body.get(GATEWAY_RESPONSES) or {}
    for response in api_gateway.get_gateway_responses(restApiId=api_id)["items"]:
        if not response["defaultResponse"] and response["responseType"] not in declared:
            api_gateway.delete_gateway_response(restApiId=api_id, responseType=response["responseType"])
    for kind, response in declared.items():
        status = {"statusCode": str(response["statusCode"])} if "statusCode" in response else {}
        api_gateway.put_gateway_response(
            restApiId=api_id,
            responseType=kind,
            responseParameters=response.get("responseParameters") or {},
            responseTemplates=response.get("responseTemplates") or {},
            **status,
        )
