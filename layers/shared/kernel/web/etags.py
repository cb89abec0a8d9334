"""Entity tags of documents with a version number: against lost updates, and to send no unchanged document again.

RFC 9110, sections 8.8.3 and 13.1.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kernel.errors import PreconditionFailedError

if TYPE_CHECKING:
    from kernel.web.requests import Request

TAG = re.compile(r'(?:W/)?"[^"]*"')


def of(version: object) -> str:
    """Return the tag of a document's *version* for the header `ETag`."""
    return f'"{version}"'


def check(request: "Request[object, object]", version: object) -> None:
    """Raise PreconditionFailedError if the request has an `If-Match` without this version."""
    expected = request.headers.get("if-match")
    if expected is None or expected.strip() == "*" or of(version) in TAG.findall(expected):
        return
    message = "It has changed since you read it. Read it again, and repeat your change on the new version."
    raise PreconditionFailedError(message)


def is_known(headers: Mapping[str, str], tag: str | None) -> bool:
    """Return whether the client has the version with *tag* already (`If-None-Match`)."""
    known = headers.get("if-none-match")
    if known is None or tag is None:
        return False
    return known.strip() == "*" or tag in [each.removeprefix("W/") for each in TAG.findall(known)]
