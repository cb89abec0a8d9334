"""Apply the rules as the first of LocalStack's handlers, and its allow-list where LocalStack skips it."""

from localstack.aws import handlers
from localstack.aws.api import RequestContext
from localstack.aws.handlers.cors import CorsEnforcer
from localstack.http import Response
from rolo.gateway import Gateway, HandlerChain

from millrace_plugin.front_door import rules

_READING = {"GET", "HEAD", "OPTIONS"}
_OWN_PATHS = ("/_localstack", "/_aws", "/_millrace")
_API_PATHS = "/_aws/execute-api/"
_FOREIGN = "A page of this Origin may not call AWS here."


def guard(gateway: Gateway) -> None:
    chain = gateway.request_handlers
    chain.insert(0, _refuse_foreign_hosts)
    chain.insert(chain.index(handlers.serve_localstack_resources), _refuse_foreign_pages_of_own_paths)
    chain.insert(chain.index(handlers.parse_service_name) + 1, _refuse_foreign_origins)


def _refuse_foreign_hosts(chain: HandlerChain[RequestContext], context: RequestContext, response: Response) -> None:
    request = context.request
    target = request.environ.get("RAW_URI", "/")
    if reason := rules.refusal(request.headers, target, has_pages=True):
        _refuse(chain, response, reason)


def _refuse_foreign_pages_of_own_paths(
    chain: HandlerChain[RequestContext], context: RequestContext, response: Response
) -> None:
    """Apply the allow-list to LocalStack's own paths, which are also served under the exempt hosts of APIs and functions."""
    path = "/" + context.request.path.lstrip("/")
    own = path.startswith(_OWN_PATHS) and not path.startswith(_API_PATHS)
    if own and not CorsEnforcer.is_cors_origin_allowed(context.request.headers):
        _refuse(chain, response, _FOREIGN)


def _refuse_foreign_origins(chain: HandlerChain[RequestContext], context: RequestContext, response: Response) -> None:
    """Apply the allow-list to requests of AWS services, also where LocalStack exempts a path or a host.

    S3 has CORS rules of its own for reading. A page of another site may not write.
    """
    request = context.request
    allowed = CorsEnforcer.is_cors_origin_allowed(request.headers)
    if context.service and context.service.service_name == "s3":
        own = request.method in _READING or not request.headers.get("origin")
        allowed = allowed or own or not rules.foreign_origin(request.headers)
    if not allowed:
        _refuse(chain, response, _FOREIGN)


def _refuse(chain: HandlerChain[RequestContext], response: Response, reason: str) -> None:
    response.status_code = 403
    response.headers["Content-Type"] = "text/plain; charset=utf-8"
    response.data = f"{reason}\n"
    chain.terminate()
