"""Calls handlers as API Gateway does, and reads their answers."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import uuid4

from kernel.web.endpoint import Endpoint


class Handler(Protocol):
    def __call__(self, event: dict[str, Any], context: Any, /) -> dict[str, Any]: ...  # noqa: ANN401 - the context


@dataclass(frozen=True)
class Context:
    """What Lambda tells a handler besides the event."""

    aws_request_id: str = "invocation"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@dataclass(frozen=True)
class Answer:
    """*body*: the decoded JSON, None if there is none."""

    status: int
    headers: dict[str, str]
    body: Any


def in_domain[Body, Query](domain: str) -> Callable[[Endpoint[Body, Query]], Endpoint[Body, Query]]:
    """Let an endpoint that a test defines keep its answers in the database of *domain*."""
    return lambda handler: dataclasses.replace(handler, domain=domain)


def call(  # noqa: PLR0913 - what a request consists of
    handler: Handler,
    method: str = "GET",
    body: object = None,
    *,
    headers: Mapping[str, str] | None = None,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    address: str | None = None,
) -> Answer:
    """The answer to a request; *body* is sent as it is if it is text, as JSON otherwise.

    Each request comes from an *address* of its own, unless one is given.
    """
    event = {
        "httpMethod": method,
        "body": body if isinstance(body, str | None) else json.dumps(body),
        "headers": {"Content-Type": "application/json", **(headers or {})},
        "isBase64Encoded": False,
        "queryStringParameters": query,
        "pathParameters": path,
        "requestContext": {"requestId": str(uuid4()), "identity": {"sourceIp": address or str(uuid4())}},
    }
    answer = handler(event, Context())
    return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]) if answer["body"] else None)
