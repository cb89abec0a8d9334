"""Apply the bodies and headers that the application declares for the gateway's own errors.

AWS: "Gateway responses for REST APIs in API Gateway" (API Gateway Developer Guide). LocalStack keeps the declarations
but answers with its own text; this applies them: templates with `$context` variables, headers with static values or
`context.requestId`.
"""

import json
from collections.abc import Callable
from typing import Any

from localstack.http import Response
from localstack.services.apigateway.next_gen.execute_api.gateway_response import get_gateway_response_or_default
from localstack.services.apigateway.next_gen.execute_api.handlers.gateway_exception import GatewayExceptionHandler

HEADER = "gatewayresponse.header."


def apply_declarations() -> None:
    """Patch LocalStack's handler of gateway errors."""
    GatewayExceptionHandler.create_exception_response = _wrap(GatewayExceptionHandler.create_exception_response)


def _wrap(original: Callable[..., Response]) -> Callable[..., Response]:
    def create(handler: object, exception: Any, context: Any) -> Response:  # noqa: ANN401 - LocalStack's own types
        response = original(handler, exception, context)
        declared = get_gateway_response_or_default(exception.type, context.deployment.rest_api.gateway_responses)
        values = _values(exception, context, response.status_code)
        # A value is `context.requestId` or the like, or static text in quotes.
        for name, value in (declared.get("responseParameters") or {}).items():
            response.headers[name.removeprefix(HEADER)] = values.get(f"${value}", value[1:-1])
        if template := (declared.get("responseTemplates") or {}).get("application/json"):
            response.data = _render(template, values)
        return response

    return create


def _values(exception: Any, context: Any, status: int) -> dict[str, str]:  # noqa: ANN401 - LocalStack's own types
    return {
        "$context.error.messageString": json.dumps(exception.message),
        "$context.error.message": str(exception.message),
        "$context.error.responseType": str(exception.type),
        "$context.requestId": str(context.context_variables["requestId"]),
        "$context.status": str(status),
    }


def _render(template: str, values: dict[str, str]) -> str:
    # Longer names first: one name is the beginning of another.
    for name in sorted(values, key=len, reverse=True):
        template = template.replace(name, values[name])
    return template
