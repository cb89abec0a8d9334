"""Run our checks of functions, versions, settings and invocations in LocalStack's Lambda API."""

import json
import logging
from collections.abc import Callable
from io import BytesIO
from typing import Any

from localstack.aws.api.lambda_ import InvalidParameterValueException, InvalidRequestContentException
from localstack.services.lambda_ import provider
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.services.lambda_.resource_providers.aws_lambda_function import LambdaFunctionProvider
from localstack.utils.patch import patch

from millrace_plugin.lambda_runtime import client_context, configuration

Untyped = Any  # LocalStack's provider, context, requests and answers


def install() -> None:
    """Patch LocalStack. Call it before LocalStack looks up the API's operations."""
    patch(provider.LambdaProvider.create_function)(_create_function)
    patch(provider.LambdaProvider.update_function_configuration)(_update_function_configuration)
    patch(provider.LambdaProvider.update_function_code)(_update_function_code)
    patch(provider.LambdaProvider.publish_version)(_publish_version)
    patch(provider.LambdaProvider.put_function_event_invoke_config)(_set_event_settings)
    patch(provider.LambdaProvider.update_function_event_invoke_config)(_set_event_settings)
    patch(provider.LambdaProvider.invoke)(_invoke)
    # LocalStack's resource leaves some of a template's settings out of its request.
    patch(LambdaFunctionProvider.create)(_change_resource)
    patch(LambdaFunctionProvider.update)(_change_resource)
    provider.LOG.addFilter(_is_relevant)


def _create_function(create: Callable[..., Untyped], api: Untyped, context: Untyped, request: Untyped) -> Untyped:
    _run_check(lambda: configuration.check(request))
    return create(api, context, request)


def _update_function_configuration(
    update: Callable[..., Untyped], api: Untyped, context: Untyped, request: Untyped
) -> Untyped:
    _run_check(lambda: configuration.check(request, _current_logging(context, request["FunctionName"])))
    return update(api, context, request)


def _update_function_code(update: Callable[..., Untyped], api: Untyped, context: Untyped, request: Untyped) -> Untyped:
    _run_check(lambda: configuration.check_code(request))
    return update(api, context, request)


def _publish_version(publish: Callable[..., Untyped], api: Untyped, context: Untyped, **parameters: Untyped) -> Untyped:
    _run_check(lambda: configuration.check_code({"PublishTo": parameters.get("publish_to")}))
    return publish(api, context, **parameters)


def _set_event_settings(put: Callable[..., Untyped], api: Untyped, context: Untyped, **parameters: Untyped) -> Untyped:
    _run_check(lambda: configuration.check_event_settings(parameters))
    return put(api, context, **parameters)


def _invoke(
    invoke: Callable[..., Untyped], api: Untyped, context: Untyped, *arguments: Untyped, **parameters: Untyped
) -> Untyped:
    client_context.check(parameters.get("client_context"))
    _run_check(lambda: configuration.check_invocation(parameters))
    if payload := parameters.get("payload"):
        parameters["payload"] = BytesIO(_check_json(payload.read()))
    return invoke(api, context, *arguments, **parameters)


def _check_json(payload: bytes) -> bytes:
    """Return *payload*.

    Raises:
        InvalidRequestContentException: it is not JSON. Such an asynchronous event would fail later and be lost.
    """
    try:
        if payload:
            json.loads(payload)
    except ValueError as error:
        message = f"Could not parse request body into json: Could not parse payload into json: {error}"
        raise InvalidRequestContentException(message, Type="User") from error
    return payload


def _change_resource(change: Callable[..., Untyped], resource: Untyped, request: Untyped) -> Untyped:
    _run_check(lambda: configuration.check(request.desired_state))
    return change(resource, request)


def _run_check(check: Callable[[], None]) -> None:
    try:
        check()
    except configuration.NotDoneError as error:
        raise InvalidParameterValueException(str(error), Type="User") from error


def _current_logging(context: Untyped, function_name: str) -> Untyped:
    account, region = provider.api_utils.get_account_and_region(function_name, context)
    name = provider.api_utils.get_function_name(function_name, context)
    function = lambda_stores[account][region].functions.get(name)
    return function.latest().config.logging_config if function else {}


def _is_relevant(record: logging.LogRecord) -> bool:
    """Drop LocalStack's warning that LoggingConfig has no effect, because here it has."""
    return not str(record.msg).startswith("Advanced Lambda Logging Configuration is currently mocked")
