"""Call handlers as API Gateway does, and read their answers."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from kernel.web.endpoint import Endpoint
from tests.kit.lambda_events import Context, request


class Handler(Protocol):
    def __call__(self, event: dict[str, Any], context: Any, /) -> dict[str, Any]: ...  # noqa: ANN401 - the context


@dataclass(frozen=True)
class Answer:
    """An answer. *body*: its decoded JSON, None if it has none."""

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
    """Return the answer to a request, which `lambda_events.request` builds."""
    event = request(body, method=method, headers=headers, path=path, query=query, address=address)
    answer = handler(event, Context())
    return Answer(answer["statusCode"], answer["headers"], json.loads(answer["body"]) if answer["body"] else None)
