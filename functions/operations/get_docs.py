"""GET /docs, HEAD /docs: the API's description as a page to read."""

import functools
from pathlib import Path

import msgspec
from msgspec import Raw

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from operations import page

HEADERS = {"Cache-Control": "public, max-age=300", "Content-Security-Policy": page.CONTENT_SECURITY_POLICY}


@endpoint(any_query=True, content_type="text/html; charset=utf-8")
def handler(_request: Request) -> Reply[Raw]:
    return Reply(_page(), headers=HEADERS)


@functools.cache
def _page() -> Raw:
    document = msgspec.json.decode(Path(__file__).with_name("openapi.json").read_bytes())
    return Raw(page.render(document).encode())
