"""Serve the deployed REST API at http://127.0.0.1:<api port>/<path>, as a custom domain does on AWS.

LocalStack listens on that port too; a request that comes in there is turned into one of LocalStack's own
`/_aws/execute-api/<api id>/<stage>/<path>` before anything else looks at it, so it costs no second connection.
"""

import json
import os

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.http import Request, Response
from localstack.runtime import hooks
from localstack.services.apigateway.models import apigateway_stores
from localstack.services.apigateway.next_gen.execute_api.handlers import parse
from moto.apigateway.models import apigateway_backends
from rolo.gateway import HandlerChain

from millrace_local.api_port import gateway_errors
from millrace_local.instance import ACCOUNT, REGION, STAGE

TAGS = {"aws:cloudformation:stack-name": f"millrace-{STAGE}", "aws:cloudformation:logical-id": "Api"}
NOT_DEPLOYED = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The application is not deployed yet. `./millrace status` tells how far it is.",
}


@hooks.on_infra_start()
def serve_api_on_its_own_port() -> None:
    if port := os.environ.get("MILLRACE_API_PORT"):
        handlers.preprocess_request.handlers.append(ApiPort(port))
        gateway_errors.apply_declarations()
        parse.restore_payload = _body


class ApiPort:
    """A handler of LocalStack's chain that sends what arrives on the API's port to the deployed API."""

    def __init__(self, port: str) -> None:
        self.port = port

    def __call__(self, chain: HandlerChain[RequestContext], context: RequestContext, response: Response) -> None:
        request = context.request
        if not request.host.endswith(f":{self.port}"):
            return
        request.get_data()  # keeps the body as it came, before anything reads it as a form
        if (api_id := _deployed_api()) is None:
            response.status_code = 503
            response.headers["Content-Type"] = "application/problem+json"
            response.headers["Retry-After"] = "5"
            response.data = json.dumps(NOT_DEPLOYED)
            chain.stop()
            return
        prefix = f"/_aws/execute-api/{api_id}/{STAGE}"
        request.environ["RAW_URI"] = prefix + request.environ.get("RAW_URI", request.path)
        request.path = request.environ["PATH_INFO"] = prefix + request.path


def _body(request: Request) -> bytes:
    """The body as it came. LocalStack makes forms anew from their fields, and fails at one that has no boundary."""
    raw: bytes = request.get_data()
    return raw


def _deployed_api() -> str | None:
    """The id of the application's API: made anew by each first deployment, so it is looked up, not remembered."""
    deployed = apigateway_stores[ACCOUNT][REGION].active_deployments
    apis = apigateway_backends[ACCOUNT][REGION].apis.values()
    ours = (api.id for api in apis if TAGS.items() <= api.tags.items())
    return next((api_id for api_id in ours if STAGE in deployed.get(api_id.lower(), {})), None)
