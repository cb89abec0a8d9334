"""Refuse payloads over Lambda's limits, for every kind of invocation. AWS: "Lambda quotas"."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError
from localstack.aws.api.lambda_ import InvocationType
from localstack.services.apigateway.next_gen.execute_api.gateway_response import (
    IntegrationFailureError,
    RequestTooLargeError,
)
from localstack.services.apigateway.next_gen.execute_api.integrations.aws import RestApiAwsProxyIntegration
from localstack.services.lambda_.invocation.lambda_models import RequestEntityTooLargeException
from localstack.services.lambda_.invocation.lambda_service import LambdaService
from localstack.utils.patch import patch

SYNCHRONOUS = 6 * 1024 * 1024
ASYNCHRONOUS = 1024 * 1024


def install() -> None:
    patch(LambdaService.invoke)(_invoke)
    patch(RestApiAwsProxyIntegration.invoke)(_invoke_for_api)


def check(payload: bytes | None, invocation_type: str | None) -> None:
    """Raise RequestEntityTooLargeException if *payload* is over the limit of the *invocation_type*."""
    invocation_type = invocation_type or InvocationType.RequestResponse
    limit = ASYNCHRONOUS if invocation_type == InvocationType.Event else SYNCHRONOUS
    if payload and len(payload) > limit:
        what = f"{len(payload)} byte payload is too large for the {invocation_type} invocation type"
        raise RequestEntityTooLargeException(f"{what} (limit {limit} bytes)")


def _invoke(invoke: Callable[..., Any], service: LambdaService, *arguments: object, **invocation: Any) -> object:  # noqa: ANN401 - all callers name them
    check(invocation.get("payload"), invocation.get("invocation_type"))
    return invoke(service, *arguments, **invocation)


def _invoke_for_api(invoke: Callable[..., Any], integration: object, context: object) -> object:
    """Answer 413 as API Gateway does. LocalStack answers 502 for every error of the Invoke operation."""
    try:
        return invoke(integration, context)
    except IntegrationFailureError as error:
        cause = error.__cause__
        if isinstance(cause, ClientError) and cause.response["Error"]["Code"] == "RequestEntityTooLargeException":
            raise RequestTooLargeError from error
        raise
