"""Decodes requests: the typed body and query, the path, and the signed-in user."""

import binascii
import functools
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from kernel import free_json, validation
from kernel.errors import (
    FieldProblem,
    InvalidError,
    NotFoundError,
    TooLargeError,
    UnauthorizedError,
    UnsupportedEncodingError,
    UnsupportedTypeError,
    refuse_fields,
)
from kernel.web.tokens import Principal

LARGEST_BODY = 256 * 1024
# For routes that take a document's text: 100,000 characters of any script.
LARGEST_CONTENT_BODY = 512 * 1024
JSON_TYPE = re.compile(r"application/(?:json|[\w.+-]+\+json)\s*(?:;\s*charset=\"?utf-8\"?\s*)?", re.IGNORECASE)
# Postgres cannot store it.
NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
# The same for a query, which the gateway has already decoded.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")
WHOLE_NUMBER = re.compile("0|-?[1-9][0-9]{0,18}")
BOOLEANS = {"true": True, "false": False}
SIGN_IN = "Sign in, and send the access token in the header `Authorization: Bearer <token>`."

type Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request[Body = None, Query = None]:
    """*path*: the route's parameters. *headers*: by lower-case name; the last value if a name is repeated.

    *principal*: the signed-in user; None without a token, or if the route takes none.
    """

    body: Body
    query: Query
    path: Mapping[str, str]
    headers: Mapping[str, str]
    principal: Principal | None = None

    @property
    def user_id(self) -> UUID:
        """The signed-in user's id. Raises UnauthorizedError if there is none."""
        if self.principal is None:
            raise UnauthorizedError(SIGN_IN)
        return self.principal.user_id

    def id(self, parameter: str = "id") -> UUID:
        """Return the id in the path. Raises NotFoundError if it is not a UUID."""
        try:
            return msgspec.convert(self.path[parameter], UUID)
        except msgspec.ValidationError:
            raise NotFoundError("Not found.") from None


def headers(event: Event) -> dict[str, str]:
    """Return the headers by lower-case name."""
    return {name.lower(): value for name, value in (event.get("headers") or {}).items()}


def query(event: Event, expected: Any, *, any_query: bool = False) -> Any:  # noqa: ANN401 - a type and its value
    """Return the query as *expected*, a structure or None.

    Raises InvalidError for unknown names, repeated names and wrong values. *any_query*: ignore the query instead.
    """
    given: Mapping[str, str] = event.get("queryStringParameters") or {}
    if any_query or not (given or expected):
        return None
    several: Mapping[str, list[str]] = event.get("multiValueQueryStringParameters") or {}
    kinds = _kinds(expected) if expected else {}
    problems = list(_query_problems(given, several, kinds))
    wrong = {each.path for each in problems}
    values = {
        name: _value(text, kinds[name])
        for name, text in given.items()
        if name in kinds and f"query.{name}" not in wrong
    }
    found = None
    try:
        found = validation.convert(values, expected, path="query") if expected else None
    except InvalidError as error:
        problems += error.problems
    refuse_fields(problems)
    return found


def body(event: Event, expected: Any, largest: int = LARGEST_BODY) -> Any:  # noqa: ANN401 - a type and its value
    """Return the JSON body as *expected*, a structure or None. If *expected* is bytes, the body is not decoded.

    Raises InvalidError, TooLargeError or UnsupportedTypeError.
    """
    if expected is None:
        return None
    sent = headers(event)
    if sent.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedEncodingError("Send the body uncompressed, without a Content-Encoding.")
    if not JSON_TYPE.fullmatch(sent.get("content-type", "application/json")):
        raise UnsupportedTypeError("Send the body as JSON, with the header `Content-Type: application/json`.")
    raw = _raw_body(event)
    if not raw:
        raise InvalidError("A JSON body is required.")
    if len(raw) > largest:
        raise TooLargeError(f"The body has {len(raw)} bytes; at most {largest} are allowed.")
    if expected is bytes:
        return raw
    return validation.convert(_document(raw), expected)


def _document(raw: bytes) -> object:
    try:
        value = free_json.read(raw)
    except (ValueError, RecursionError) as error:
        problem = FieldProblem("body", str(error))
        raise InvalidError("The body is not JSON.", (problem,)) from None
    if NUL.search(raw):
        raise InvalidError("Text must not contain the character NUL (\\u0000).")
    # The members of the body are the first level.
    refuse_fields(free_json.problems(value, "", level=0))
    return value


@functools.cache
def _kinds(expected: type[msgspec.Struct]) -> dict[str, tuple[Any, ...]]:
    return {field.encode_name: tuple(validation.members(field.type)) for field in msgspec.structs.fields(expected)}


def _query_problems(
    given: Mapping[str, str], several: Mapping[str, list[str]], kinds: Mapping[str, tuple[Any, ...]]
) -> Iterator[FieldProblem]:
    for name, text in given.items():
        path = "query." + UNSTORABLE.sub("\ufffd", name)
        if name not in kinds:
            known = f"; known are {', '.join(sorted(kinds))}" if kinds else ""
            yield FieldProblem(path, f"is not a known parameter{known}")
        elif len(several.get(name, ())) > 1:
            yield FieldProblem(path, "is given more than once")
        elif UNSTORABLE.search(text):
            yield FieldProblem(path, "must be UTF-8 without the character NUL")
        elif int in kinds[name] and not WHOLE_NUMBER.fullmatch(text):
            yield FieldProblem(path, "must be a whole number")
        elif bool in kinds[name] and text not in BOOLEANS:
            yield FieldProblem(path, "must be true or false")


def _value(text: str, kinds: tuple[Any, ...]) -> object:
    """Return the value of *text*. Unlike msgspec's lax conversion, it does not accept `null` and `1`."""
    if int in kinds:
        return int(text)
    return BOOLEANS[text] if bool in kinds else text


def _raw_body(event: Event) -> bytes:
    text = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(text).encode(errors="surrogatepass")
    try:
        return b64decode(text, validate=True)
    except binascii.Error:
        raise InvalidError("The body is not valid Base64.") from None
