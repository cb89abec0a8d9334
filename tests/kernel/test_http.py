"""The HTTP edge: typed requests in, JSON or problem documents out."""

import json
from base64 import b64encode
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import ConflictError, FieldProblem, NotFoundError, ProblemError, UnavailableError
from kernel.storage import redis_server
from kernel.web import responses
from kernel.web.endpoint import Endpoint, endpoint
from kernel.web.pages import Page
from kernel.web.requests import LARGEST_BODY, Request
from kernel.web.responses import Reply
from tests.kit.api import call
from tests.kit.lambda_events import Context, request


class Line(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    product_id: str
    quantity: Annotated[int, msgspec.Meta(gt=0)]


class Order(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    user_name: str
    lines: Annotated[list[Line], msgspec.Meta(min_length=1)]
    note: str | None = None


@endpoint(status=HTTPStatus.CREATED)
def place(request: Request[Order]) -> Order:
    return request.body


@endpoint()
def list_things(request: Request[None, Page]) -> Reply:
    return Reply([request.query.limit, request.query.start(tuple[int, str])], headers=request.query.next_link(7, "x"))


GOOD = {"userName": "Ann", "lines": [{"productId": "p", "quantity": 1}]}


def problems(response: dict[str, Any]) -> dict[str, str]:
    return {each["path"]: each["message"] for each in json.loads(response["body"])["errors"]}


def test_answers_with_json(context: Context) -> None:
    """The body is decoded, the result encoded, names in camelCase, with the endpoint's status."""
    response = place(request(GOOD), context)

    assert response["statusCode"] == 201
    assert json.loads(response["body"]) == {**GOOD, "note": None}
    assert response["headers"]["Content-Type"] == "application/json; charset=utf-8"


def test_names_every_wrong_field(context: Context) -> None:
    """Wrong, missing and unknown fields are all told at once, at any depth, by the names that the client uses."""
    body = {"lines": [{"productId": 5, "quantity": 0, "colour": "red"}, {}], "extra": True, "note": 1}

    response = place(request(body), context)

    assert response["statusCode"] == 400
    assert response["headers"]["Content-Type"] == "application/problem+json; charset=utf-8"
    assert set(problems(response)) == {
        "userName", "extra", "note", "lines[0].productId", "lines[0].quantity", "lines[0].colour",
        "lines[1].productId", "lines[1].quantity",
    }  # fmt: skip


@pytest.mark.parametrize("body", [[], "text", 5, None, True])
def test_refuses_json_that_is_no_object(body: object, context: Context) -> None:
    """The problem lies with the body as a whole."""
    response = place(request(json.dumps(body)), context)

    assert response["statusCode"] == 400
    assert set(problems(response)) == {"body"}


def test_refuses_an_empty_list_that_must_not_be(context: Context) -> None:
    """A constraint on a list itself is named at the list."""
    assert set(problems(place(request({**GOOD, "lines": []}), context))) == {"lines"}


@pytest.mark.parametrize(
    "body", ["{", "", None, "\x00", '{"a": NaN}', "[" * 200_000, '"\\ud800"', '{"userName": "\\u0000"}']
)
def test_refuses_what_is_not_json(body: str | None, context: Context) -> None:
    """Not JSON, not a body at all, too deep, half a surrogate, NUL: 400, and never 500."""
    assert place(request(body), context)["statusCode"] == 400


def test_refuses_bytes_that_are_not_utf8(context: Context) -> None:
    """A binary body comes base64-encoded from the gateway."""
    event = request(None) | {"body": b64encode(b'{"userName": "\xff"}').decode(), "isBase64Encoded": True}

    assert place(event, context)["statusCode"] == 400


def test_takes_a_base64_body(context: Context) -> None:
    """Encoded or not, the same JSON is the same request."""
    event = request(None) | {"body": b64encode(json.dumps(GOOD).encode()).decode(), "isBase64Encoded": True}

    assert place(event, context)["statusCode"] == 201


@pytest.mark.parametrize("body", [b'{ "a" :\t"\xc3\xa4\\u00e4" }\r\n', b"not JSON", b'{"a": "\\u0000"}'])
def test_gives_a_body_of_bytes_as_it_was_sent(body: bytes, context: Context) -> None:
    """What is signed is not a JSON value but its text, spaces, escapes and line ends included."""
    seen: list[bytes] = []

    @endpoint(status=HTTPStatus.NO_CONTENT)
    def keep(request: Request[bytes]) -> None:
        seen.append(request.body)

    for event in (request(body.decode()), request(b64encode(body).decode()) | {"isBase64Encoded": True}):
        assert keep(event, context)["statusCode"] == 204
    assert seen == [body, body]
    assert keep(request(""), context)["statusCode"] == 400
    assert keep(request(" " * (LARGEST_BODY + 1)), context)["statusCode"] == 413


def test_refuses_a_base64_body_that_is_none(context: Context) -> None:
    """Nor does a wrong encoding lead to 500."""
    assert place(request("%") | {"isBase64Encoded": True}, context)["statusCode"] == 400


def test_refuses_a_large_body(context: Context) -> None:
    """256 KB are taken, one byte more is not."""
    body = {**GOOD, "note": ""}
    body["note"] = "x" * (LARGEST_BODY - len(json.dumps(body)))

    assert place(request(body), context)["statusCode"] == 201
    assert place(request({**body, "note": f"{body['note']}x"}), context)["statusCode"] == 413


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("application/json", 201), ("Application/JSON; charset=UTF-8", 201), ("application/merge-patch+json", 201),
     ("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("application/json; charset=latin-1", 415)],
)  # fmt: skip
def test_takes_json_only(content_type: str, status: int, context: Context) -> None:
    """Another type is refused, and the client is told what to send."""
    response = place(request(GOOD, headers={"Content-Type": content_type}), context)

    assert response["statusCode"] == status
    assert status == 201 or "Content-Type: application/json" in json.loads(response["body"])["detail"]


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_never_fails_on_any_json(value: object) -> None:
    """Whatever is sent, the answer is 201 or a problem of the client's."""
    assert place(request(json.dumps(value)), Context())["statusCode"] in (201, 400)


@pytest.mark.parametrize(
    ("error", "status"), [(NotFoundError("no"), 404), (ConflictError("no"), 409), (ZeroDivisionError("secret"), 500)]
)
def test_turns_errors_into_problems(error: Exception, status: int, context: Context) -> None:
    """A problem of ours to tell is told; anything else is 500, without a word of what it was, but with the id."""

    @endpoint()
    def fail(_request: Request) -> None:
        raise error

    response = fail(request(), context)

    document = json.loads(response["body"])
    assert (response["statusCode"], document["status"]) == (status, status)
    assert set(document) == {"type", "title", "status", "detail", "requestId"}
    assert (document["detail"] == "no") is isinstance(error, ProblemError)
    assert "secret" not in response["body"]


def test_names_the_fields_that_contradict_the_present_state(context: Context) -> None:
    """Not only wrong input: whatever error knows the fields at fault, tells them; the others have no such list."""

    @endpoint()
    def refuse(request: Request[Order]) -> None:
        fields = (FieldProblem("lines[0].quantity", "is more than there are"),) if request.body.note is None else ()
        raise ConflictError("It was sold.", fields)

    assert problems(refuse(request(GOOD), context)) == {"lines[0].quantity": "is more than there are"}
    assert "errors" not in json.loads(refuse(request({**GOOD, "note": ""}), context)["body"])


def test_says_when_to_come_back(context: Context) -> None:
    """A dependency is down: 503 with Retry-After."""

    @endpoint()
    def fail(_request: Request) -> None:
        raise UnavailableError("down", retry_after=7)

    response = fail(request(), context)

    assert (response["statusCode"], response["headers"]["Retry-After"]) == (503, "7")


@pytest.mark.parametrize("body", [GOOD, "junk"])
def test_carries_the_security_headers_on_every_answer(body: object, context: Context) -> None:
    """Successes and errors alike."""
    assert place(request(body), context)["headers"].items() >= responses.SECURITY_HEADERS.items()


def test_allows_listed_origins_only(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """An origin on the list may read the answer, another may not, and caches keep them apart."""
    monkeypatch.setenv("CORS_ALLOWED_ORIGINS", "https://one.example,https://two.example")

    allowed = place(request(GOOD, headers={"Origin": "https://two.example"}), context)["headers"]
    refused = place(request(GOOD, headers={"Origin": "https://evil.example"}), context)["headers"]

    assert allowed["Access-Control-Allow-Origin"] == "https://two.example"
    assert "Access-Control-Allow-Origin" not in refused
    assert allowed["Vary"] == refused["Vary"] == "Origin"


def test_continues_the_callers_trace(context: Context) -> None:
    """The request's id and trace come back, and are in a problem too."""
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    response = place(request("junk", headers={"X-Request-ID": "mine-1", "TraceParent": trace}), context)

    assert response["headers"]["X-Request-Id"] == json.loads(response["body"])["requestId"] == "mine-1"
    assert response["headers"]["traceparent"][:36] == trace[:36]
    assert response["headers"]["traceparent"] != trace


@pytest.mark.parametrize("forged", ["x" * 200, "a b", "a\nb", "ü"])
def test_replaces_a_request_id_that_is_none(forged: str, context: Context) -> None:
    """What a client sends does not get into headers and logs unchecked."""
    response = place(request(GOOD, headers={"X-Request-Id": forged, "traceparent": forged}), context)

    assert response["headers"]["X-Request-Id"] != forged
    assert forged not in response["headers"]["traceparent"]


def test_pages_with_an_opaque_cursor(context: Context) -> None:
    """The link of one page leads to the next one's start."""
    first = list_things(request(query=None), context)
    target = first["headers"]["Link"].partition(">")[0].removeprefix("<?")
    query = dict(pair.split("=", 1) for pair in target.split("&"))
    second = list_things(request(query=query), context)

    assert json.loads(first["body"]) == [100, None]
    assert json.loads(second["body"]) == [100, [7, "x"]]


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "101"}, {"limit": "many"}, {"cursor": "?"}, {"cursor": "ü"}, {"cursor": "WzFd"}]
)
def test_refuses_a_query_that_is_wrong(query: dict[str, str], context: Context) -> None:
    """Limits beyond 1 to 100 and foreign cursors are named."""
    response = list_things(request(query=query), context)

    assert response["statusCode"] == 400
    assert set(problems(response)) == {f"query.{name}" for name in query}


@pytest.mark.parametrize("spelling", ["{{{}}}", "urn:uuid:{}", "{}\n", "0x{}"])
def test_an_id_has_one_spelling(spelling: str) -> None:
    """What else Python reads as a UUID is none here: 404."""

    @endpoint()
    def show(request: Request) -> str:
        return str(request.id())

    for text in (str(uuid4()), uuid4().hex[:30], uuid4().hex[:31], uuid4().hex):
        assert call(show, path={"id": spelling.format(text)}).status == 404
    assert call(show, path={"id": str(uuid4())}).status == 200


@endpoint()
def counted(_request: Request) -> str:
    return "Hello."


@endpoint(rate="none")
def answers_anybody(_request: Request) -> str:
    return "Hello."


def test_a_client_learns_nothing_of_what_is_unavailable(context: Context, caplog: pytest.LogCaptureFixture) -> None:
    """Names of secrets, servers and the errors of others are for the log; when to try again is for the client."""

    @endpoint()
    def unavailable(_request: Request) -> str:
        message = "The secret millrace/prod/database/users_app cannot be read"
        raise UnavailableError(message, retry_after=7) from OSError("400 AccessDenied arn:aws:iam::1:role/x")

    response = unavailable(request(), context)

    assert response["statusCode"] == 503
    assert response["headers"]["Retry-After"] == "7"
    assert json.loads(response["body"])["detail"] == responses.UNAVAILABLE
    assert not any(word in str(response) for word in ("millrace/prod", "secret", "arn:aws", "AccessDenied"))
    [logged] = [each for each in caplog.records if each.message == "unavailable"]
    assert "millrace/prod/database/users_app" in logged.error  # type: ignore[attr-defined]
    assert "AccessDenied" in logged.cause  # type: ignore[attr-defined]


UNUSABLE = {
    "REDIS_URL": ["no address", "http://127.0.0.1:1", "redis://:secret@127.0.0.1:port/0", "redis://h?nothing=1"],
    "RATE_LIMIT_FACTOR": ["1.5", "0", "-1", "many"],
}


@pytest.mark.parametrize("setting", [(name, each) for name, several in UNUSABLE.items() for each in several])
@pytest.mark.parametrize("function", [counted, answers_anybody])
def test_an_unusable_setting_of_another_matter_stops_no_route(
    function: Endpoint[Any, Any],
    setting: tuple[str, str],
    context: Context,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is an error in the log, which names the variable and no password."""
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.setenv(*setting)
    redis_server.reset()

    assert function(request(), context)["statusCode"] == 200
    if function is counted:
        told = "".join(f"{each.message} {each.__dict__}" for each in caplog.records)
        assert setting[0] in told
        assert "secret" not in told


def test_a_route_without_a_rate_is_not_counted(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis is not asked, and no header claims a limit."""
    monkeypatch.setattr(redis_server, "run", None)

    assert not [name for name in answers_anybody(request(), context)["headers"] if name.startswith("RateLimit")]


def test_head_gives_the_headers_of_get_alone(context: Context) -> None:
    """No body."""
    answers = [answers_anybody(request() | {"httpMethod": method}, context) for method in ("GET", "HEAD")]
    [get, head] = [
        {name: value for name, value in each["headers"].items() if name not in ("traceparent", "X-Request-Id")}
        for each in answers
    ]

    assert head == get
    assert answers[1]["body"] == ""
