"""Responses: JSON or problem documents (RFC 9457), with the headers that every response carries."""

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

UNAVAILABLE = "The service is temporarily unavailable. Try again later."


@dataclass(frozen=True, slots=True)
class Reply[Body = Any]:
    """A function's result with *headers*, or another *status* than the endpoint's usual one (None)."""

    body: Body
    status: HTTPStatus | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def success(reply: Reply, status: HTTPStatus, content_type: str = JSON) -> Response:
    """Return the response of *reply*: its body as JSON (`msgspec.Raw` as it is), empty if it is None."""
    body = "" if reply.body is None else msgspec.json.encode(reply.body).decode()
    return _response(reply.status or status, content_type, body, reply.headers)


def not_modified(response: Response) -> Response:
    """Return the response without its body, for a client that has the document already."""
    headers = {name: value for name, value in response["headers"].items() if name != "Content-Type"}
    return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": headers, "body": ""}


def problem(error: ProblemError, trace: Trace) -> Response:
    """Return the problem document of *error*: `type, title, status, detail, requestId`, and `errors` for wrong fields.

    The message of an UnavailableError is only logged: it names secrets, servers and their errors.
    """
    if isinstance(error, UnavailableError):
        logger.error("unavailable", extra={"error": str(error), "cause": repr(error.__cause__)})
        return _problem(error.status, UNAVAILABLE, trace, error.headers, {})
    more: dict[str, Any] = {}
    if error.problems or isinstance(error, InvalidError):
        more = {"errors": [each._asdict() for each in error.problems]}
    return _problem(error.status, str(error), trace, error.headers, more)


def unexpected(trace: Trace) -> Response:
    """Return the problem document of an unexpected error. The requestId finds it in the log."""
    detail = "Something went wrong on our side. If it happens again, send us the requestId."
    return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail, trace, {}, {})


def finish(response: Response, trace: Trace, origin: str | None) -> Response:
    """Add the headers of every response: security headers, the trace, and CORS for an allowed *origin*.

    A header that the function has set wins, so that public documents can be cached.
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
