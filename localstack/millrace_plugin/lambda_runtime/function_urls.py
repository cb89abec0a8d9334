"""Complete LocalStack's function URLs: CORS, authentication, cookies, and answers for errors of the Lambda service.

AWS: "Creating and managing Lambda function URLs", "Invoking Lambda function URLs".
"""

import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from localstack.aws.accounts import get_account_id_from_access_key_id
from localstack.aws.api import CommonServiceException, RequestContext, ServiceException
from localstack.aws.api.lambda_ import FunctionUrlAuthType, InvalidParameterValueException, InvokeMode
from localstack.aws.handlers import cors as localstack_cors
from localstack.config import HostAndPort
from localstack.constants import LOCALHOST_HOSTNAME
from localstack.services.lambda_ import provider, urlrouter
from localstack.services.lambda_.invocation.lambda_models import FunctionUrlConfig, InvocationResult
from localstack.services.lambda_.invocation.models import lambda_stores
from localstack.utils.patch import patch
from rolo import Request, Response

from millrace_plugin.front_door import rules
from millrace_plugin.lambda_runtime import url_cors

Untyped = Any  # LocalStack's provider, context and answers
_HOST = re.compile(r"([^.]+)\.lambda-url\.([a-z0-9-]+)\.", re.IGNORECASE)
_SIGNED_BY = re.compile(r"AWS4-[A-Z0-9-]+ .*\bCredential=([^/,\s]+)/")
_UNSIGNED = (
    "Forbidden: this URL has AuthType AWS_IAM, and the request is not signed. "
    "Sign it with AWS Signature Version 4 (every key is taken here), or give the URL AuthType NONE."
)
_NO_STREAMS = (
    "InvokeMode RESPONSE_STREAM is not supported by local function URLs: an answer is sent when it is complete. "
    "Use BUFFERED, or set it only on AWS, by a condition in the template."
)


def install() -> None:
    """Patch LocalStack. Call it before LocalStack adds the router's handler to its routes."""
    patch(urlrouter.FunctionUrlRouter.handle_lambda_url_invocation)(_handle)
    patch(urlrouter.event_for_lambda_url)(_event)
    patch(urlrouter.lambda_result_to_response)(_response)
    patch(provider.LambdaProvider.create_function_url_config)(_configure)
    patch(provider.LambdaProvider.update_function_url_config)(_configure)
    patch(localstack_cors.should_enforce_self_managed_service)(_enforces_localstack_cors)
    # 127.0.0.1 has no subdomains; this name is resolved everywhere.
    provider.localstack_host = lambda custom_port: HostAndPort(LOCALHOST_HOSTNAME, custom_port)


def _configure(configure: Callable[..., Untyped], api: Untyped, context: Untyped, **parameters: Untyped) -> Untyped:
    if parameters.get("invoke_mode") == InvokeMode.RESPONSE_STREAM:
        raise InvalidParameterValueException(_NO_STREAMS, Type="User")
    auth_type = parameters.get("auth_type")
    problem = url_cors.problem(parameters.get("cors") or {})
    if auth_type and auth_type not in list(FunctionUrlAuthType):
        problem = f"{auth_type} is no value of AuthType: use {', '.join(FunctionUrlAuthType)}."
    if problem:
        raise CommonServiceException("ValidationException", problem)
    return configure(api, context, **parameters)


def _handle(
    handle: Callable[..., Response],
    router: urlrouter.FunctionUrlRouter,
    request: Request,
    api_id: str,
    region: str,
    **parameters: str,
) -> Response:
    config = _config(api_id, region)
    cors = (config and config.cors) or {}
    is_preflight = bool(cors) and request.method == "OPTIONS"
    if is_preflight:
        response = Response(mimetype="application/json")
    elif config and config.auth_type == FunctionUrlAuthType.AWS_IAM and not _access_key(request):
        response = _refusal(_UNSIGNED, HTTPStatus.FORBIDDEN, "AccessDeniedException")
    else:
        try:
            response = handle(router, request, api_id=api_id, region=region, **parameters)
        except ServiceException as error:  # of the Invoke operation: throttled, not active, too large a payload
            response = _refusal(str(error), error.status_code, error.code)
    if cors:
        for name, value in url_cors.headers(cors, request.headers.get("Origin"), is_preflight=is_preflight):
            response.headers.add(name, value)  # beside those of the function, as on AWS
    return response


def _refusal(message: str, status: int, code: str) -> Response:
    response = Response.for_json({"Message": message}, status=status)
    response.headers["x-amzn-ErrorType"] = code
    return response


def _config(api_id: str, region: str) -> FunctionUrlConfig | None:
    """Return the configuration of the URL with this id, in any account. None if there is none."""
    for account in list(lambda_stores):
        store = lambda_stores[account].get(region)
        for function in list(store.functions.values()) if store else ():
            for config in list(function.function_url_configs.values()):
                if config.url_id.lower() == api_id.lower():
                    return config
    return None


def _access_key(request: Request) -> str | None:
    """Return the access key that signed *request*, or None. LocalStack verifies no signatures, nor does this."""
    found = _SIGNED_BY.match(request.headers.get("Authorization", ""))
    if found:
        return found[1]
    if request.args.get("X-Amz-Signature"):
        return request.args.get("X-Amz-Credential", "").partition("/")[0] or None
    return None


def _enforces_localstack_cors(decide: Callable[..., bool], context: RequestContext) -> bool:
    """Return whether LocalStack applies its own CORS rules to a request.

    At a function's URL it does so only for pages that are neither of this machine nor allowed by the URL's `Cors`.
    """
    request = context.request
    found = _HOST.match(request.host)
    config = found and _config(found[1], found[2].lower())
    if not config:
        return decide(context)
    page = request.headers.get("Origin") or request.headers.get("Referer")
    if not page:
        return False
    address = urlsplit(page)
    origin = page if page == "null" else f"{address.scheme}://{address.netloc}"
    return not (rules.is_own_name(address.netloc) or url_cors.allows(config.cors or {}, origin))


def _event(make: Callable[..., dict[str, Any]], api_id: str, request: Request) -> dict[str, Any]:
    event = make(api_id, request)
    if cookies := request.headers.get("Cookie", ""):
        event["cookies"] = cookies.split("; ")
    found = _HOST.match(request.host)
    config = _config(api_id, found[2].lower()) if found else None
    access_key = _access_key(request)
    if config and config.auth_type == FunctionUrlAuthType.AWS_IAM and access_key:
        event["requestContext"] |= _caller(access_key)
    return event


def _caller(access_key: str) -> dict[str, Any]:
    account = get_account_id_from_access_key_id(access_key)
    iam = {
        "accessKey": access_key,
        "accountId": account,
        "callerId": account,
        "cognitoIdentity": None,
        "principalOrgId": None,
        "userArn": f"arn:aws:iam::{account}:root",
        "userId": account,
    }
    return {"accountId": account, "authorizer": {"iam": iam}}


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
