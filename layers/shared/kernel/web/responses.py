"""Answers of the API: JSON or problem documents (RFC 9457), with the headers that every answer carries."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

from kernel import settings
from kernel.errors import InvalidError, ProblemError, UnavailableError
from kernel.telemetry import Trace, logger

type Response = dict[str, Any]

JSON = "application/json; charset=utf-8"
PROBLEM = "application/problem+json; charset=utf-8"

SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Vary": "Origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
EXPOSED_HEADERS = (
    "ETag, Idempotency-Replayed, Link, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, "
    "X-Request-Id"
)

UNAVAILABLE = "Something that this request needs is not available at the moment. Try again later."


@dataclass(frozen=True, slots=True)
class Reply[Body = Any]:
    """What a function answers when its body alone does not say it. *status* None: the endpoint's usual one."""

    body: Body
    status: HTTPStatus | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def success(reply: Reply, status: HTTPStatus, content_type: str = JSON) -> Response:
    """The answer, its body as JSON (`msgspec.Raw` as it is); empty if it is None."""
    body = "" if reply.body is None else msgspec.json.encode(reply.body).decode()
    return _response(reply.status or status, content_type, body, reply.headers)


def not_modified(response: Response) -> Response:
    """The answer to a reader who has the document already: its headers alone."""
    headers = {name: value for name, value in response["headers"].items() if name != "Content-Type"}
    return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": headers, "body": ""}


def problem(error: ProblemError, trace: Trace) -> Response:
    """Return the error as a problem document: `type, title, status, detail, requestId` and, of wrong fields, `errors`.

    What is unavailable, and why, is for the log: it names secrets, servers and their errors.
    """
    if isinstance(error, UnavailableError):
        logger.error("unavailable", extra={"error": str(error), "cause": repr(error.__cause__)})
        return _problem(error.status, UNAVAILABLE, trace, error.headers, {})
    more: dict[str, Any] = {}
    if error.problems or isinstance(error, InvalidError):
        more = {"errors": [each._asdict() for each in error.problems]}
    return _problem(error.status, str(error), trace, error.headers, more)


def unexpected(trace: Trace) -> Response:
    """What the caller is told of an error that is ours to find: its request's id."""
    detail = "Something went wrong on our side. Tell us the requestId, should it stay so."
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, trace, {}, {})


def finish(response: Response, trace: Trace, origin: str | None) -> Response:
    """Add what every answer carries: security headers, the trace, and CORS for an allowed *origin*.

    A function's own header wins: what is public may be cached.
    """
    response["headers"] = SECURITY_HEADERS | response["headers"]
    response["headers"] |= {"X-Request-Id": trace.correlation_id, "traceparent": trace.traceparent}
    if origin in settings.allowed_origins():
        response["headers"] |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": EXPOSED_HEADERS,
        }
    return response


def _problem(
    status: HTTPStatus, detail: str, trace: Trace, headers: Mapping[str, str], more: Mapping[str, Any]
) -> Response:
    document = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    body = msgspec.json.encode({**document, **more, "requestId": trace.correlation_id}).decode()
    return _response(status, PROBLEM, body, headers)


def _response(status: HTTPStatus, content_type: str, body: str, headers: Mapping[str, str]) -> Response:
    return {"statusCode": status.value, "headers": {"Content-Type": content_type, **headers}, "body": body}
