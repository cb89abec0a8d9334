"""The API's OpenAPI document, made of the template's routes, the endpoints' properties and their msgspec types.

`./millrace openapi` writes it where the function that serves it finds it: tests/api_documents.py.
"""

import functools
import importlib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPMethod, HTTPStatus
from typing import Any

from msgspec import UNSET, Raw, Struct, UnsetType

from kernel import errors, texts
from kernel.web import responses
from kernel.web.endpoint import Endpoint, Page
from kernel.web.idempotency import SHORTEST_ANONYMOUS_KEY
from millrace_local.instance import ROOT
from tools.openapi_schemas import Json, Schemas
from tools.template import FUNCTIONS, Function

FILE = ROOT / "functions" / "operations" / "openapi.json"
INTRODUCTION = """
JSON in and out. Errors are problem documents (RFC 9457). Sign in at /api/v1/auth/login and send the access token in the
header Authorization. Lists give a page, whose Link header leads to the next one. Requests are counted by user, or by
address, for each class of routes (x-rate-class): the RateLimit headers say how many are left. Invalid tokens and
signatures are counted by address as well. Values of a query have one form: whole numbers in digits, `true` or `false`. A
query with an unknown name, or a repeated one, is refused.
"""


class WrongField(Struct):
    path: str
    message: str


class Problem(Struct, rename="camel"):
    """A problem document (RFC 9457). *errors*: each field at fault, where fields are."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[WrongField] | UnsetType = UNSET


# By status: the error, when it is raised, and the headers that come with it.
PROBLEMS: dict[type[errors.ProblemError], tuple[str, tuple[str, ...]]] = {
    errors.InvalidError: ("The request is wrong; `errors` names each wrong field.", ()),
    errors.UnauthorizedError: ("The token or the password is missing or invalid.", ("WWW-Authenticate",)),
    errors.ForbiddenError: ("Signed in, but not allowed.", ()),
    errors.NotFoundError: ("It does not exist, or belongs to somebody else.", ()),
    errors.ConflictError: ("It contradicts the present state.", ()),
    errors.PreconditionFailedError: ("It has changed since it was read: `If-Match` names another version.", ()),
    errors.TooLargeError: ("The body is larger than the route accepts.", ()),
    errors.UnsupportedTypeError: ("The body is declared as another type than JSON, or it is compressed.", ()),
    errors.UnprocessableError: (
        "Well formed, but against a rule, or the Idempotency-Key was used for another request.",
        (),
    ),
    errors.TooManyRequestsError: ("The rate limit is used up.", ("Retry-After",)),
    errors.UnavailableError: ("A dependency is down or busy: try again.", ("Retry-After",)),
}
TEXT: Json = {"type": "string"}
HEADERS: dict[str, tuple[str, Json]] = {
    "ETag": ("The version of the document, for If-Match and If-None-Match.", TEXT),
    "Idempotency-Replayed": ("`true`: the response is the first one to this Idempotency-Key, again.", TEXT),
    "Link": ('The next page (`rel="next"`), if there may be one.', TEXT),
    "Location": ("The address of the new document.", TEXT),
    "RateLimit-Limit": ("Requests at once.", {"type": "integer"}),
    "RateLimit-Remaining": ("Requests that are left.", {"type": "integer"}),
    "RateLimit-Reset": ("Seconds until all are available again.", {"type": "integer"}),
    "Retry-After": ("Seconds to wait.", {"type": "integer"}),
    "WWW-Authenticate": ("How to sign in.", TEXT),
    "X-Request-Id": ("The request's id in our logs.", TEXT),
}
ALWAYS = ("X-Request-Id", "ETag", "Location", "Retry-After", "WWW-Authenticate")
ACCESS = {"": "Public.", "user": "For signed-in users."}
NEEDS_SCOPE = "Takes an access token with the scope `{scope}`."
RATE_LIMIT = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
PARAMETERS = {
    "Idempotency-Key": "A retry with the same key gets the first response again. Use a random UUID for each operation.",
    "Order-Token": "The `token` of a guest's order, which reads the order without signing in.",
    "Stripe-Signature": "`t=<seconds>,v1=<HMAC-SHA-256>`, by which Stripe signs the body as it is and the time.",
    "If-Match": "The ETag of the version to change. If another version is current, the response is 412.",
    "If-None-Match": "The ETag of a known version. If it is still current, the response is 304.",
}


@dataclass(frozen=True)
class Route:
    """*number*: which of its function's routes it is, from 0; those after the first are other names of it."""

    method: HTTPMethod
    path: str
    number: int
    function: Function
    endpoint: Endpoint[Any, Any]

    @property
    def versioned(self) -> bool:
        """Whether it answers with a document that counts its versions, and so has an ETag."""
        return "version" in getattr(self.endpoint.answer_type, "__struct_fields__", ())

    def problems(self) -> Iterator[type[errors.ProblemError]]:
        """What it may be refused with."""
        yield from self.endpoint.raises
        if not self.endpoint.any_query or self.endpoint.body_type or self.endpoint.idempotent:
            yield errors.InvalidError
        if self.endpoint.body_type:
            yield from (errors.TooLargeError, errors.UnsupportedTypeError)
        if self.endpoint.scope:
            yield from (errors.UnauthorizedError, errors.ForbiddenError)
        if self.endpoint.token_optional:
            yield errors.UnauthorizedError
        if "{" in self.path:
            yield errors.NotFoundError
        if self.endpoint.idempotent:
            yield errors.UnprocessableError
        if self.rate_class != "none":
            yield errors.TooManyRequestsError
        yield errors.UnavailableError

    @property
    def rate_class(self) -> str:
        return self.endpoint.rate or ("read" if self.method in (HTTPMethod.GET, HTTPMethod.HEAD) else "write")


def routes() -> list[Route]:
    """Every route of the template, in its order."""
    return [
        Route(HTTPMethod(method), path, number, function, importlib.import_module(function.module).handler)
        for function in FUNCTIONS
        for number, (method, path) in enumerate(function.routes)
    ]


def document() -> Json:
    found = sorted(routes(), key=lambda route: (route.path, route.method))
    queries = [each.endpoint.query_type for each in found if each.endpoint.query_type]
    bodies = [each.endpoint.body_type for each in found if each.endpoint.body_type not in (None, bytes)]
    schemas = Schemas([*queries, *bodies], [*(each.endpoint.answer_type for each in found), Problem])
    paths: dict[str, Json] = {}
    for route in found:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    schemas.drop(queries)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Millrace",
            "version": project["version"],
            "description": " ".join(INTRODUCTION.split()),
            "contact": {"name": "The maintainers of Millrace"},
            "license": {"name": project["license"], "identifier": project["license"]},
        },
        "servers": [{"url": ".", "description": "Where this document is"}],
        "tags": _tags(found),
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "responses": {_title(each): _problem(each) for each in PROBLEMS}
            | {"InternalServerError": _problem_response("Something went wrong on our side.", ())},
            "headers": {name: _header(name) for name in HEADERS},
            "securitySchemes": {"accessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
        },
    }


def _tags(found: list[Route]) -> list[Json]:
    domains = sorted({route.function.module.partition(".")[0] for route in found})
    described = {name: (importlib.import_module(name).__doc__ or "").strip() for name in domains}
    return [{"name": name, "description": described[name]} for name in domains]


def _operation(route: Route, schemas: Schemas) -> Json:
    endpoint = route.endpoint
    documentation = (importlib.import_module(route.function.module).__doc__ or "").partition(": ")[2]
    summary, _, more = documentation.strip().partition("\n\n")
    method, path = route.function.routes[0]
    alias = f"Another name of {method} {path}." if route.number else ""
    if route.method == HTTPMethod.HEAD:
        summary, alias = f"the headers of GET {route.path}", ""
    access = ACCESS.get(endpoint.scope or "", NEEDS_SCOPE.format(scope=endpoint.scope))
    if endpoint.token_optional:
        access = "An access token is optional."
    operation: Json = {
        "operationId": route.function.logical_id + (str(route.number + 1) if route.number else ""),
        "tags": [route.function.module.partition(".")[0]],
        "summary": _sentence(" ".join(summary.split())),
        "description": " ".join([*more.split(), access, alias]).strip(),
        "security": _security(endpoint),
        "parameters": list(_parameters(route, schemas)),
        "responses": _responses(route, schemas),
        "x-rate-class": route.rate_class,
    }
    if endpoint.body_type:
        # What the function reads itself is another's JSON, described by its sender.
        schema = {"type": "object"} if endpoint.body_type is bytes else schemas.of(endpoint.body_type)
        content = {"application/json": {"schema": schema, "example": schemas.example(schema)}}
        limit = f"At most {endpoint.largest_body // 1024} KB, uncompressed."
        operation["requestBody"] = {"description": limit, "required": True, "content": content}
    if endpoint.scope:
        operation["x-scope"] = endpoint.scope
    if endpoint.more_with:
        operation["x-more-with-scope"] = endpoint.more_with
    return {name: value for name, value in operation.items() if value or name == "security"}


def _security(endpoint: Endpoint[Any, Any]) -> list[Json]:
    # Scopes are named beside it: OpenAPI has a place for those of OAuth 2 alone, which this is not.
    if endpoint.scope:
        return [{"accessToken": []}]
    return [{}, {"accessToken": []}] if endpoint.token_optional else []


def _parameters(route: Route, schemas: Schemas) -> Iterator[Json]:
    for part in route.path.split("/"):
        if part.startswith("{"):
            schema = {"type": "string", "format": "uuid"}
            yield {"name": part.strip("{}"), "in": "path", "required": True, "schema": schema}
    if route.endpoint.query_type:
        for name, schema, required in schemas.fields(route.endpoint.query_type):
            yield {"name": name, "in": "query", "required": required, "schema": schema}
    if route.endpoint.idempotent:
        shortest = 1 if route.endpoint.scope else SHORTEST_ANONYMOUS_KEY
        yield _header_parameter("Idempotency-Key", {"minLength": shortest, "maxLength": 255, "pattern": "^[!-~]+$"})
    for name in route.endpoint.reads:
        yield _header_parameter(name, {})
    if route.endpoint.body_type is bytes:
        yield _header_parameter("Stripe-Signature", {}) | {"required": True}
    if errors.PreconditionFailedError in route.endpoint.raises:
        yield _header_parameter("If-Match", {})
    if route.versioned and route.method == HTTPMethod.GET:
        yield _header_parameter("If-None-Match", {})


def _header_parameter(name: str, limits: Json) -> Json:
    return {"name": name, "in": "header", "description": PARAMETERS[name], "schema": TEXT | limits}


def _responses(route: Route, schemas: Schemas) -> Json:
    found = {route.endpoint.status: _success(route, schemas)}
    for each in dict.fromkeys(route.problems()):
        found[each.status] = {"$ref": f"#/components/responses/{_title(each)}"}
    found[HTTPStatus.INTERNAL_SERVER_ERROR] = {"$ref": "#/components/responses/InternalServerError"}
    if route.versioned and route.method == HTTPMethod.GET:
        found[HTTPStatus.NOT_MODIFIED] = _response("It is still the version that is known.", ("ETag",))
    if route.endpoint.other_status:
        either = _problem(errors.UnavailableError)
        either["content"] |= _success(route, schemas).get("content", {})
        found[route.endpoint.other_status] = either | {"headers": _headers(())}
    responses_found = {str(status.value): found[status] for status in sorted(found)}
    if not any(status.is_client_error for status in found):
        responses_found["4XX"] = _problem_response("The gateway refuses it: too large, malformed or too often.", ())
    return responses_found


def _success(route: Route, schemas: Schemas) -> Json:
    endpoint, headers = route.endpoint, list(RATE_LIMIT if route.rate_class != "none" else ())
    if route.versioned:
        headers += ["ETag", "Location"] if endpoint.status == HTTPStatus.CREATED else ["ETag"]
    if endpoint.query_type and issubclass(endpoint.query_type, Page):
        headers.append("Link")
    if endpoint.idempotent:
        headers.append("Idempotency-Replayed")
    response = _response(endpoint.status.phrase, headers)
    if endpoint.answer_type is not None and route.method != HTTPMethod.HEAD:
        media_type = endpoint.content_type.partition(";")[0]
        text = endpoint.answer_type is Raw and media_type != "application/json"
        response["content"] = {media_type: {"schema": TEXT if text else schemas.of(endpoint.answer_type)}}
    return response


def _response(description: str, headers: list[str] | tuple[str, ...]) -> Json:
    return {"description": description, "headers": _headers(headers)}


def _headers(names: list[str] | tuple[str, ...]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in sorted({*names, "X-Request-Id"})}


def _header(name: str) -> Json:
    description, schema = HEADERS[name]
    return {"description": description, "required": name in ALWAYS, "schema": schema}


def _title(error: type[errors.ProblemError]) -> str:
    return error.__name__.removesuffix("Error")


def _problem(error: type[errors.ProblemError]) -> Json:
    return _problem_response(*PROBLEMS[error])


def _problem_response(description: str, headers: tuple[str, ...]) -> Json:
    content = {responses.PROBLEM.partition(";")[0]: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {**_response(description, [*RATE_LIMIT, *headers]), "content": content}


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


@functools.cache
def text() -> str:
    """The document as it is kept: a line for each value, so that a change is readable."""
    written = json.dumps(document(), indent=1, ensure_ascii=False) + "\n"
    return written.replace(texts.INVISIBLE_BEYOND, "")
