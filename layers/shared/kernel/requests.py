"""What a request brings: its typed body, query and path, who sends it, and the position in a list."""

import binascii
import re
from base64 import b64decode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

import msgspec

from kernel import validation
from kernel.errors import (
    FieldProblem,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
    UnsupportedTypeError,
)
from kernel.tokens import Principal

LARGEST_BODY = 256 * 1024
JSON_TYPE = re.compile(r"application/(?:json|[\w.+-]+\+json)\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)
# Postgres cannot store it, and no client means it.
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# The same of a query, whose text a gateway has decoded already.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
SIGN_IN = "Sign in, and send the access token in the header `Authorization: Bearer <token>`."

type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request[Body = None, Query = None]:
    """*path*: the route's parameters. *headers*: by lower-case name; the last one, if a name is repeated.

    *principal*: who sends it, where the route takes a token.
    """

    body: Body
    query: Query
    path: Mapping[str, str]
    headers: Mapping[str, str]
    principal: Principal | None = None

    @property
    def user_id(self) -> UUID:
        """The signed-in user. Raises UnauthorizedError if there is none."""
        if self.principal is None:
            raise UnauthorizedError(SIGN_IN)
        return self.principal.user_id

    def id(self, parameter: str = "id") -> UUID:
        """The id in the path. Raises NotFoundError if what is there is no id at all."""
        try:
            return msgspec.convert(self.path[parameter], UUID)
        except msgspec.ValidationError:
            raise NotFoundError("There is no such thing.") from None


class Page(msgspec.Struct, frozen=True):
    """The query of a list: how many items, and where to go on: the opaque text of an earlier answer's `Link`."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 100
    cursor: str | None = None

    def next_link(self, *position: object) -> dict[str, str]:
        """The header that leads to the items after *position*, which `start` will give back, of the same query.

        Its target is relative to the request's address, which is right behind every stage and domain name.
        """
        cursor = urlsafe_b64encode(msgspec.json.encode(position)).decode().rstrip("=")
        query = {name: value for name, value in msgspec.to_builtins(self).items() if value is not None}
        return {"Link": f'<?{urlencode(query | {"cursor": cursor})}>; rel="next"'}

    def start[Position](self, expected: type[Position]) -> Position | None:
        """The position in the cursor, or None on the first page. Raises InvalidError if it is not one of ours."""
        if self.cursor is None:
            return None
        try:
            text = urlsafe_b64decode(self.cursor + "=" * (-len(self.cursor) % 4))
            return msgspec.json.decode(text, type=expected)
        except (ValueError, msgspec.DecodeError):
            problem = FieldProblem("query.cursor", "is not a cursor: take it from the Link header of a page")
            raise InvalidError("The cursor cannot be used.", (problem,)) from None


def headers(event: Event) -> dict[str, str]:
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def query(event: Event, expected: Any) -> Any:  # noqa: ANN401 - a type and its value
    """The query as *expected*, a structure or None. Raises InvalidError."""
    if expected is None:
        return None
    given = event.get("queryStringParameters") or {}
    problems = tuple(FieldProblem(f"query.{name}", "is no text") for name in given if UNSTORABLE.search(given[name]))
    if problems:
        raise InvalidError("The query must be UTF-8 without the character NUL.", problems)
    return validation.convert(given, expected, path="query", strict=False)


def body(event: Event, expected: Any) -> Any:  # noqa: ANN401 - a type and its value
    """The JSON body as *expected*, a structure or None; as it was sent, unread, if that is bytes.

    Raises InvalidError, TooLargeError or UnsupportedTypeError.
    """
    if expected is None:
        return None
    if not JSON_TYPE.fullmatch(headers(event).get("content-type", "application/json")):
        raise UnsupportedTypeError("Send the body as JSON, with the header `Content-Type: application/json`.")
    raw = _raw_body(event)
    if not raw:
        raise InvalidError("A JSON body is required.")
    if len(raw) > LARGEST_BODY:
        raise TooLargeError(f"The body has {len(raw)} bytes; at most {LARGEST_BODY} are taken.")
    if expected is bytes:
        return raw
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        problem = FieldProblem("body", str(error))
        raise InvalidError("The body is not JSON.", (problem,)) from None
    if NUL.search(raw):
        raise InvalidError("Text must not contain the character NUL (\\u0000).")
    return validation.convert(value, expected)


def _raw_body(event: Event) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode(errors="surrogatepass")
    try:
        return b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidError("The body is not what its encoding says.") from None
