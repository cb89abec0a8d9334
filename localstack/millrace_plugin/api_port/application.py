"""Serve the deployed REST API at http://127.0.0.1:<api port>/<path>, as a custom domain does on AWS.

The port has a gateway of its own, so no host or path of a request reaches LocalStack.
"""

import logging
from typing import Any
from urllib.parse import urlsplit

from localstack.http import Request, Response
from localstack.services.apigateway.models import apigateway_stores
from localstack.services.apigateway.next_gen.execute_api.handlers.parse import InvocationRequestParser
from localstack.services.apigateway.next_gen.execute_api.router import ApiGatewayEndpoint
from moto.apigateway.models import apigateway_backends
from rolo.gateway import Gateway

from millrace_plugin.api_port import not_deployed
from millrace_plugin.settings import ACCOUNT, REGION, STACK, STAGE

TAGS = {"aws:cloudformation:stack-name": STACK, "aws:cloudformation:logical-id": "Api"}
_PATH = "millrace.path"  # in the environ of requests at the API's port

_log = logging.getLogger("localstack.request.http")


class Application(Gateway):
    """Answer on the API's port, instead of LocalStack's own gateway."""

    def __init__(self) -> None:
        super().__init__()
        self._endpoint = ApiGatewayEndpoint()

    def process(self, request: Request, response: Response) -> None:
        request.get_data()  # keeps the raw body before anything reads it as a form
        path = request.environ[_PATH] = _path_of(request.environ.get("RAW_URI") or request.path)
        if api_id := _deployed_api():
            response.update_from(self._endpoint(request, api_id=api_id, stage=STAGE))
        else:
            not_deployed.answer(request, response)
        if path != "/health":
            _log.info("%s %s => %d", request.method, path, response.status_code)


def keep_paths() -> None:
    """Patch LocalStack to keep the paths of these requests, from which it would strip its prefixes and the stage."""
    original = InvocationRequestParser._enrich_with_raw_path  # noqa: SLF001 - LocalStack has no other place for it

    def set_path(context: Any, invocation_request: dict[str, Any]) -> None:  # noqa: ANN401 - LocalStack's own types
        if (path := context.request.environ.get(_PATH)) is None:
            original(context, invocation_request)
        else:
            invocation_request |= {"path": "/" + path.lstrip("/"), "raw_path": path}

    InvocationRequestParser._enrich_with_raw_path = staticmethod(set_path)  # noqa: SLF001


def _path_of(target: str) -> str:
    """Return the path of a request's target, still percent-encoded. A client of a proxy sends a whole URL as target."""
    if not target.startswith("/"):
        target = urlsplit(target).path or "/"
    return target.partition("?")[0]


def _deployed_api() -> str | None:
    """Return the id of the application's deployed API, or None. It changes when the stack is created again."""
    deployed = apigateway_stores[ACCOUNT][REGION].active_deployments
    apis = apigateway_backends[ACCOUNT][REGION].apis.values()
    ours = (api.id for api in apis if TAGS.items() <= api.tags.items())
    return next((api_id for api_id in ours if STAGE in deployed.get(api_id.lower(), {})), None)
