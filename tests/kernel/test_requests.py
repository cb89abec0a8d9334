"""What a request may say: one spelling for each value of a query, bodies as they are, and every mistake named."""

import json
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import pytest

from kernel.web.endpoint import Endpoint, endpoint
from kernel.web.pages import Page
from kernel.web.requests import Request
from tests.kit.lambda_events import Context, request


class Line(msgspec.Struct, forbid_unknown_fields=True, rename="camel"):
    product_id: str
    quantity: Annotated[int, msgspec.Meta(gt=0)]


GOOD = {"productId": "p", "quantity": 1}


@endpoint()
def place(request: Request[Line]) -> Line:
    return request.body


def problems(response: dict[str, Any]) -> dict[str, str]:
    return {each["path"]: each["message"] for each in json.loads(response["body"])["errors"]}


class Filter(Page, frozen=True, rename="camel"):
    author_id: UUID | None = None
    status: Literal["draft", "published"] | None = None
    in_stock: bool | None = None
    word: Annotated[str, msgspec.Meta(max_length=5)] | None = None


@endpoint()
def list_filtered(request: Request[None, Filter]) -> Filter:
    return request.query


@endpoint()
def without_query(_request: Request) -> str:
    return "Hello."


@endpoint(any_query=True, rate="none")
def answers_anybody(_request: Request) -> str:
    return "Hello."


def asked(**query: str | list[str]) -> dict[str, Any]:
    """A request as the gateway gives it: the last value of each name, and all of them."""
    several = {name: value if isinstance(value, list) else [value] for name, value in query.items()}
    return request(query={name: values[-1] for name, values in several.items()}) | {
        "multiValueQueryStringParameters": several
    }


@pytest.mark.parametrize("name", ["authorId", "status", "inStock", "limit"])
@pytest.mark.parametrize("value", ["null", "None", "", " ", "NULL"])
def test_nothing_stands_for_an_absent_parameter(name: str, value: str, context: Context) -> None:
    """What is asked for is never left out of the question in silence."""
    response = list_filtered(asked(**{name: value}), context)

    assert response["statusCode"] == 400
    assert set(problems(response)) == {f"query.{name}"}


def test_a_text_may_be_null(context: Context) -> None:
    """Of a text it is four letters."""
    assert json.loads(list_filtered(asked(word="null"), context)["body"])["word"] == "null"


@pytest.mark.parametrize("value", ["1", "0", "True", "FALSE", "yes", "on", "t", " true"])
def test_a_yes_or_no_has_one_spelling(value: str, context: Context) -> None:
    """`true` and `false`, as the document says."""
    assert set(problems(list_filtered(asked(inStock=value), context))) == {"query.inStock"}
    assert json.loads(list_filtered(asked(inStock="true"), context)["body"])["inStock"] is True
    assert json.loads(list_filtered(asked(inStock="false"), context)["body"])["inStock"] is False


@pytest.mark.parametrize("value", ["1_0", " 5", "5 ", "+5", "1e1", "5.0", "05", "0x5", "\u0665", "9" * 30, "9" * 5000])
def test_a_whole_number_has_one_spelling(value: str, context: Context) -> None:
    """Digits, and nothing that some language would read as a number."""
    assert set(problems(list_filtered(asked(limit=value), context))) == {"query.limit"}


@pytest.mark.parametrize("function", [list_filtered, without_query])
def test_an_unknown_parameter_is_named(function: Endpoint[Any, Any], context: Context) -> None:
    """On routes that take a query, and on those that take none; all of them at once."""
    response = function(asked(author_id="x", Limit="5", page="2"), context)

    assert response["statusCode"] == 400
    assert set(problems(response)) == {"query.author_id", "query.Limit", "query.page"}


def test_every_wrong_parameter_is_named(context: Context) -> None:
    """Values that no type takes beside those that break a limit."""
    response = list_filtered(asked(authorId="x", status="gone", word="too long"), context)

    assert set(problems(response)) == {"query.authorId", "query.status", "query.word"}


@pytest.mark.parametrize("values", [["1", "2"], ["1", "1"]])
def test_a_repeated_parameter_is_refused(values: list[str], context: Context) -> None:
    """The gateway would keep the last one alone."""
    assert set(problems(list_filtered(asked(limit=values), context))) == {"query.limit"}


def test_a_document_for_everybody_takes_any_query(context: Context) -> None:
    """Probes and browsers add what they like."""
    assert answers_anybody(asked(t=["1", "2"], limit="x"), context)["statusCode"] == 200


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "GZIP", "gzip, identity", "identity, gzip", "x"])
def test_a_compressed_body_is_refused(encoding: str, context: Context) -> None:
    """The answer says what is taken (RFC 9110, section 15.5.16)."""
    response = place(request(GOOD, headers={"Content-Encoding": encoding}), context)

    assert response["statusCode"] == 415
    assert response["headers"]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_a_body_that_says_it_is_as_it_is_is_taken(encoding: str, context: Context) -> None:
    """`identity` is no encoding."""
    assert place(request(GOOD, headers={"Content-Encoding": encoding}), context)["statusCode"] == 200


class Basket(msgspec.Struct, forbid_unknown_fields=True):
    items: Annotated[tuple[Line, ...], msgspec.Meta(max_length=50)] | None = None
    nested: list[list[int]] | None = None
    named: dict[str, Line] | None = None


@endpoint()
def fill(_request: Request[Basket]) -> str:
    return "Full."


def test_names_every_wrong_item(context: Context) -> None:
    """Of lists and objects that may be absent, that are limited, and that are in one another."""
    bad = {"productId": 1, "quantity": 0}
    body = {"items": [bad, GOOD, {}], "nested": [[1, "a"], ["b"]], "named": {"x": bad, "y": GOOD}}

    assert set(problems(fill(request(body), context))) == {
        "items[0].productId", "items[0].quantity", "items[2].productId", "items[2].quantity",
        "nested[0][1]", "nested[1][0]", "named.x.productId", "named.x.quantity",
    }  # fmt: skip


def test_an_answer_names_no_more_than_100_fields(context: Context) -> None:
    """A quarter of a megabyte of wrong fields is not answered with ten."""
    response = fill(request({f"field{number}": 1 for number in range(10_000)}), context)

    assert response["statusCode"] == 400
    assert len(problems(response)) == 100
    assert "More than 100" in json.loads(response["body"])["detail"]


class Anything(msgspec.Struct):
    payload: dict[str, Any]


@endpoint()
def keep_anything(_request: Request[Anything]) -> str:
    return "Kept."


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ('{"a": [1, 1e300]}', "payload.a[1]"),
        ('{"a": {"b": 1e-300}}', "payload.a.b"),
        ("{" + '"a": {' * 64 + "}" * 65, "payload" + ".a" * 64),
        ('{"a": ' + "[" * 64 + "]" * 64 + "}", "payload.a" + "[0]" * 63),
        ('{"a": 1, "a": 2}', "payload.a"),
        ("1" * 41, "payload"),
    ],
)
def test_free_form_json_has_limits(payload: str, path: str, context: Context) -> None:
    """What they are is `kernel.free_json`'s; the place is named."""
    response = keep_anything(request(f'{{"payload": {payload}}}'), context)

    assert response["statusCode"] == 400
    assert set(problems(response)) == {path}


def test_free_form_json_within_the_limits_is_taken(context: Context) -> None:
    """64 levels, the payload itself being the first."""
    response = keep_anything(request('{"payload": {"a": ' + "[" * 63 + "1e39" + "]" * 63 + "}}"), context)

    assert response["statusCode"] == 200
