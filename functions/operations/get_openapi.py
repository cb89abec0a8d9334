"""GET /openapi.json, HEAD /openapi.json: the API's description in OpenAPI 3.1, from which clients can be generated."""

import functools
from pathlib import Path

from msgspec import Raw

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply

HEADERS = {"Cache-Control": "public, max-age=300"}


@endpoint(any_query=True)
def handler(_request: Request) -> Reply[Raw]:
    return Reply(_document(), headers=HEADERS)


@functools.cache
def _document() -> Raw:
    return Raw(Path(__file__).with_name("openapi.json").read_bytes())
