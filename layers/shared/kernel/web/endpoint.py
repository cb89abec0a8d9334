"""The HTTP edge: a typed request → the function → JSON; errors become problem documents (`kernel.web.responses`).

For the REST API's proxy integration. AWS: "Lambda proxy integrations in API Gateway" (API Gateway Developer Guide).
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import NoneType
from typing import Any, Literal, get_args, get_origin

from kernel import domains, telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.errors import ForbiddenError, ProblemError, UnauthorizedError
from kernel.telemetry import logger
from kernel.web import etags, rate_limit, requests, responses, tokens
from kernel.web.pages import Page
from kernel.web.rate_limit import RateClass
from kernel.web.requests import LARGEST_BODY, LARGEST_CONTENT_BODY, SIGN_IN, Event, Request
from kernel.web.responses import JSON, Reply, Response
from kernel.web.scopes import Scope
from kernel.web.tokens import Principal

__all__ = ["LARGEST_BODY", "LARGEST_CONTENT_BODY", "Endpoint", "Page", "Request", "endpoint"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint[Body, Query]:
    """A Lambda handler: the function that answers a route, with the route's types, access and rate.

    *answer_type*, *other_status*, *more_with*, *reads* and *raises* serve the API's document only.
    *domain*: whose database stores the responses to idempotent requests.
    """

    function: Callable[[Request[Body, Query]], Any]
    body_type: Any
    query_type: Any
    answer_type: Any
    content_type: str
    status: HTTPStatus
    other_status: HTTPStatus | None
    scope: Scope | None
    more_with: Scope | None
    token_optional: bool
    rate: RateClass | Literal["none"] | None
    idempotent: bool
    domain: str
    largest_body: int
    any_query: bool
    reads: tuple[str, ...]
    raises: tuple[type[ProblemError], ...]

    def __call__(self, event: Event, context: LambdaContext) -> Response:
        started = time.perf_counter()
        headers = requests.headers(event)
        gateway_id = event.get("requestContext", {}).get("requestId") or context.aws_request_id
        trace = telemetry.begin(headers.get("x-request-id") or gateway_id, headers.get("traceparent"), gateway_id)
        limits: dict[str, str] = {}
        try:
            with _count_refusals(event):
                principal = self._authenticate(headers)
                if self.rate != "none":
                    limits |= rate_limit.require(self.rate or _usual_rate(event), _caller(event, principal))
                self._authorize(principal)
                response = self._answer(event, headers, principal)
        except ProblemError as problem:
            response = responses.problem(problem, trace)
        except Exception:  # noqa: BLE001 - the client gets a response, and the log the error
            logger.exception("unexpected error")
            response = responses.unexpected(trace)
        response["headers"] = limits | response["headers"]
        if event.get("httpMethod") == "HEAD":
            response["body"] = ""
        milliseconds = round((time.perf_counter() - started) * 1000, 1)
        # The route and not the path: that may name people.
        route = {"method": event.get("httpMethod"), "route": event.get("resource")}
        told = {**route, "status": response["statusCode"], "duration_ms": milliseconds, "gateway_id": gateway_id}
        logger.info("request", extra=told)
        return responses.finish(response, trace, headers.get("origin"))

    def _answer(self, event: Event, headers: Mapping[str, str], principal: Principal | None) -> Response:
        body = requests.body(event, self.body_type, self.largest_body)
        query = requests.query(event, self.query_type, any_query=self.any_query)
        request = Request(body, query, event.get("pathParameters") or {}, headers, principal)
        key = headers.get("idempotency-key")
        if self.idempotent and key is not None:
            from kernel.web import idempotency  # noqa: PLC0415 - it brings Postgres, which not every function has

            route, caller = self.function.__module__, str(principal.user_id) if principal else ""
            content = (request.path, event.get("queryStringParameters"), event.get("body"))
            with idempotency.attempt(self.domain, idempotency.claim(route, caller, key, content)) as attempt:
                return attempt.recorded or attempt.record(self._respond(request))
        response = self._respond(request)
        if event.get("httpMethod") == "GET" and etags.is_known(headers, response["headers"].get("ETag")):
            return responses.not_modified(response)
        return response

    def _respond(self, request: Request[Body, Query]) -> Response:
        result = self.function(request)
        reply = result if isinstance(result, Reply) else Reply(result)
        return responses.success(reply, self.status, self.content_type)

    def _authenticate(self, headers: Mapping[str, str]) -> Principal | None:
        if self.scope is None:
            return tokens.principal(headers) if self.token_optional else None
        principal = tokens.principal(headers)
        if principal is None:
            raise UnauthorizedError(SIGN_IN)
        return principal

    def _authorize(self, principal: Principal | None) -> None:
        if self.scope is not None and principal is not None and not principal.may(self.scope):
            message = f"Sign in with a token that has the scope `{self.scope}`."
            raise ForbiddenError(message)


def endpoint[Body, Query](  # noqa: PLR0913 - a route's properties, by name
    *,
    status: HTTPStatus = HTTPStatus.OK,
    other_status: HTTPStatus | None = None,
    content_type: str = JSON,
    scope: Scope | None = None,
    more_with: Scope | None = None,
    token_optional: bool = False,
    rate: RateClass | Literal["none"] | None = None,
    idempotent: bool = False,
    largest_body: int = LARGEST_BODY,
    any_query: bool = False,
    reads: tuple[str, ...] = (),
    raises: tuple[type[ProblemError], ...] = (),
) -> Callable[[Callable[[Request[Body, Query]], Any]], Endpoint[Body, Query]]:
    """Make a Lambda handler of a function that takes a `Request`, answers it, and may raise any ProblemError.

    The function's annotation, `Request[Body, Query]`, names the types of the body and the query: msgspec structures,
    or None. A body of type bytes is passed undecoded. The function returns a structure, or a `Reply` to set headers or
    *other_status*; with a *content_type* other than JSON, `msgspec.Raw`. Other exceptions are logged and answered 500.

    Checks before the function is called, in this order:

    1. Authentication. No *scope*: public. With *scope*: 401 without a valid token. With *token_optional*: a token may
       be left out, and an invalid one is 401 all the same.
    2. Rate. 429 after too many requests of class *rate*. None: `read` for GET, else `write`. "none": not counted.
    3. Authorization. 403 if the token lacks *scope*.
    4. Input. 400 naming every wrong field, 413 for a body of more than *largest_body* bytes, 415 for another media
       type. Unknown names in the query are 400, or ignored with *any_query*.

    Invalid tokens and signatures also count against the sender's address, those that the function refuses included.

    *idempotent*: a request with an `Idempotency-Key` runs in one transaction of the function's domain, in which the
    function's own transactions are savepoints. A repeated request gets the first response.
    *more_with*: a scope that lets clients do more. The function checks it with `Principal.may`.
    *reads*: the headers that the function reads itself.
    *raises*: the problems that clients should expect of the function.
    """

    def decorate(function: Callable[[Request[Body, Query]], Any]) -> Endpoint[Body, Query]:
        [annotation] = [hint for name, hint in function.__annotations__.items() if name != "return"]
        body_type, query_type = (
            None if each is NoneType else each for each in get_args(annotation) or (NoneType, NoneType)
        )
        return Endpoint(
            function=function,
            body_type=body_type,
            query_type=query_type,
            answer_type=_answer_type(function.__annotations__.get("return")),
            content_type=content_type,
            status=status,
            other_status=other_status,
            scope=scope,
            more_with=more_with,
            token_optional=token_optional,
            rate=rate,
            idempotent=idempotent,
            domain=domains.of(function.__module__),
            largest_body=largest_body,
            any_query=any_query,
            reads=reads,
            raises=raises,
        )

    return decorate


def _answer_type(annotation: Any) -> Any:  # noqa: ANN401 - a type
    """Return the type of the body: X of a function that returns X or `Reply[X]`."""
    return get_args(annotation)[0] if get_origin(annotation) is Reply else annotation


def _usual_rate(event: Event) -> RateClass:
    return "read" if event.get("httpMethod") in ("GET", "HEAD") else "write"


@contextlib.contextmanager
def _count_refusals(event: Event) -> Iterator[None]:
    """Count invalid credentials in the block against the sender's address. After too many, raise TooManyRequestsError.

    Valid credentials from the same address are not affected.
    """
    try:
        yield
    except ProblemError as problem:
        if problem.refuses_credential:
            problem.headers = {**problem.headers, **rate_limit.require("refusal", _address(event))}
        raise


def _caller(event: Event, principal: Principal | None) -> str:
    """Return the key under which requests are counted: the user's, or on public routes the address's."""
    return _address(event) if principal is None else f"user:{principal.user_id}"


def _address(event: Event) -> str:
    return f"address:{event.get('requestContext', {}).get('identity', {}).get('sourceIp')}"
