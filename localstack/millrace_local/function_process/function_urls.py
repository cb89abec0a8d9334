"""What LocalStack's function URLs lack of payload format 2.0: cookies, and errors of the Lambda service as answers.

AWS: "Invoking Lambda function URLs".
"""

import json
from collections.abc import Callable
from typing import Any

from localstack.aws.api import ServiceException
from localstack.services.lambda_ import urlrouter
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.utils.patch import patch
from rolo import Request, Response


def install() -> None:
    """Must be called before LocalStack adds the router's handler to its routes."""
    patch(urlrouter.FunctionUrlRouter.handle_lambda_url_invocation)(_handle)
    patch(urlrouter.event_for_lambda_url)(_event)
    patch(urlrouter.lambda_result_to_response)(_response)


def _handle(
    handle: Callable[..., Response], router: urlrouter.FunctionUrlRouter, request: Request, **parameters: str
) -> Response:
    try:
        return handle(router, request, **parameters)
    except ServiceException as error:  # of the Invoke operation: throttled, not active, too large a payload
        response = Response.for_json({"Message": str(error)}, status=error.status_code)
        response.headers["x-amzn-ErrorType"] = error.code
        return response


def _event(make: Callable[..., dict[str, Any]], api_id: str, request: Request) -> dict[str, Any]:
    event = make(api_id, request)
    cookies = request.headers.get("Cookie", "")
    return {**event, "cookies": cookies.split("; ")} if cookies else event


def _response(make: Callable[..., Response], result: InvocationResult) -> Response:
    response = make(result)
    try:
        answer = json.loads(result.payload)
    except ValueError:
        return response
    if isinstance(answer, dict) and "statusCode" in answer:
        for cookie in answer.get("cookies") or ():
            response.headers.add("Set-Cookie", cookie)
    return response
