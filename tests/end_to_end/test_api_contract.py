"""The running API does what its document says, whatever it is sent."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.config import (
    CoveragePhaseConfig,
    GenerationConfig,
    PhasesConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.end_to_end.accounts import Account
from tests.end_to_end.commerce import seller
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tools import openapi

# A lazy schema hides from pytest what its tests need.
pytestmark = pytest.mark.usefixtures("cloud")
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
EXAMPLES = 4
LOOK_AROUND = re.compile(r"\(\?[=!][^)]*\)")
DOCUMENT = json.loads(openapi.FILE.read_text())
# Paths that are other names of a function. The cases of its first name try its body and its query.
OTHER_NAMES = {(route.path, route.method.lower()) for route in openapi.routes() if route.number > 0}
# Lazy: the cases are made when a test runs, and not by each process that collects tests.
SCHEMA = schemathesis.pytest.from_fixture("document")
SCHEMA_OF_OTHER_NAMES = schemathesis.pytest.from_fixture("document_of_other_names")
THINGS: dict[str, dict[str, Any]] = {
    "/api/v1/blogs": {"title": "My Blog", "content": "Words.", "status": "draft"},
    "/api/v1/notes": {"title": "My note"},
    "/api/v1/notifications": {"message": "Hello."},
    "/api/v1/orders": {"amount": 500},
    "/api/v1/products": {"name": "Oak table", "category": "furniture", "priceCents": 49900},
    "/orders": {"amount": 500},
    "/api/v1/transactions": {"amountCents": 100, "currency": "EUR", "description": "Coffee"},
}


@dataclass(frozen=True)
class Client:
    """A signed-in user who may change products; *session* is what schemathesis sends its requests with.

    *kept*: things that no request changes, by path.
    """

    api: httpx.Client
    session: requests.Session
    account: Account
    kept: dict[str, str] = field(default_factory=dict)

    def thing(self, path: str, method: str) -> str:
        """The id of a thing, of the kind whose route *path* is: a new one for a request that may change it."""
        if method != "GET":
            return self.make(path)
        if path not in self.kept:
            self.kept[path] = self.make(path)
        return self.kept[path]

    def make(self, path: str) -> str:
        """The id of a new thing."""
        plural = path.replace("notification/", "notifications/").replace("payments", "orders")
        collection = next(each for each in THINGS if plural.startswith(each))
        made = self.api.post(collection, json=THINGS[collection], headers=self.account.headers)
        assert made.status_code == 201, made.text
        thing = made.json()
        id_ = str(thing["orderId"] if "orderId" in thing else thing["id"])
        if "payments" in path:
            payment = f"/api/v1/payments/{id_}"
            wait_until(lambda: self.api.get(payment, headers=self.account.headers).status_code == 200, seconds=30)
        return id_


def schema(*, covers: bool) -> BaseSchema:
    """The API's document for schemathesis. *covers*: each keyword of a schema gets cases, and not only examples."""
    # Tokens of every kind are the authorisation matrix's.
    generation = GenerationConfig(with_security_parameters=False)
    phases = PhasesConfig(coverage=CoveragePhaseConfig(enabled=covers))
    projects = ProjectsConfig(default=ProjectConfig(generation=generation, phases=phases))
    return schemathesis.openapi.from_dict(simplified(DOCUMENT), config=SchemathesisConfig(seed=1, projects=projects))


def simplified(part: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return the document without lookarounds in patterns: hypothesis takes a minute to find text that fits them."""
    if isinstance(part, dict):
        return {
            name: LOOK_AROUND.sub("", each) if name == "pattern" and isinstance(each, str) else simplified(each)
            for name, each in part.items()
        }
    return [simplified(each) for each in part] if isinstance(part, list) else part


@pytest.fixture(scope="session")
def document() -> BaseSchema:
    return schema(covers=True)


@pytest.fixture(scope="session")
def document_of_other_names() -> BaseSchema:
    return schema(covers=False)


@pytest.fixture(autouse=True)
def node_id(request: pytest.FixtureRequest) -> None:
    """Give the test the attribute that schemathesis's lazy schema reads, and pytest 9.2 calls by another name."""
    request.node._nodeid = request.node.nodeid


@pytest.fixture(scope="module")
def client(cloud: Cloud) -> Iterator[Client]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as api, requests.Session() as session:
        yield Client(api, session, seller(cloud, api))


def every_answer_is_documented(path: str, method: str) -> Callable[..., None]:
    """The test of one operation."""
    cases = SCHEMA_OF_OTHER_NAMES if (path, method) in OTHER_NAMES else SCHEMA

    @cases.include(path=path, method=method).parametrize()
    @settings(derandomize=True, max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    def test(case: schemathesis.Case[Any], client: Client) -> None:
        """Good and bad requests get a status, headers and a body of the document, and never a 5xx.

        A good path leads to a thing that is there; the same requests are made in each run.
        """
        if case.path_parameters and case.meta and case.meta.generation.mode.is_positive:
            case.path_parameters = dict.fromkeys(case.path_parameters, client.thing(case.path, case.method))
        answer = case.call(base_url=str(client.api.base_url), session=client.session, headers=client.account.headers)
        case.validate_response(answer, checks=CHECKS)

    found: Callable[..., None] = test
    return found


# A name for each: pytest 9.2 calls what schemathesis makes of one function all the same, and of tests with one name two
# processes run only one.
for _path, _methods in DOCUMENT["paths"].items():
    for _method in _methods:
        _name = re.sub(r"\W+", "_", f"{_method}_{_path}").strip("_")
        globals()[f"test_every_answer_is_documented_of_{_name}"] = every_answer_is_documented(_path, _method)


HUGE = "1" + "0" * 400
BODIES: dict[str, bytes] = {
    "no UTF-8": b'{"title": "\xff\xfe", "content": "Words."}',
    "half a surrogate": b'{"title": "\\ud800", "content": "Words."}',
    "NUL": b'{"title": "a\\u0000b", "content": "Words."}',
    "a byte order mark": b'\xef\xbb\xbf{"title": "a", "content": "Words."}',
    "deep": b"[" * 100_000,
    "a name twice": b'{"title": 1, "title": 2, "content": "Words."}',
    "a huge number": f'{{"title": {HUGE}, "content": 1e400}}'.encode(),
    "not a number": b'{"title": NaN, "content": "Words."}',
    "no object": b"null",
    "too large": b'{"title": "a", "content": "' + b"x" * 600_000 + b'"}',
}


@pytest.mark.parametrize("body", BODIES, ids=str)
@pytest.mark.parametrize("path", ["/api/v1/blogs", "/api/v1/notes", "/api/v1/users/login", "/events/generate"])
def test_a_broken_body_is_refused(client: Client, path: str, body: str) -> None:
    """What no schema can say: bytes that are not text, text that is not JSON, JSON that nothing can hold."""
    headers = {"Content-Type": "application/json", **client.account.headers}
    answer = client.api.post(path, content=BODIES[body], headers=headers)

    assert answer.status_code == (413 if body == "too large" else 400), answer.text
    assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("number", [HUGE, "1e400", "-0.0", "123456789012345678901234567890", "1e-400"])
def test_any_number_in_a_payload_is_kept_or_refused(client: Client, number: str) -> None:
    """A payload is the client's own; whatever number is in it, the answer is no error of ours."""
    content = f'{{"userId": "user123", "eventType": "LOGIN", "payload": {{"number": {number}}}}}'
    answer = client.api.post("/events/generate", content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code in (200, 400), answer.text


@pytest.mark.parametrize("part", ["%00", "%ff", "..%2f..%2f", "%F0%9F%92%A9", "a" * 5000, "{id}", "%", "0" * 32 + "0"])
@pytest.mark.parametrize("path", ["/api/v1/blogs/", "/api/v1/notes/", "/api/v1/orders/", "/api/v1/transactions/"])
def test_what_is_no_id_is_not_found(client: Client, path: str, part: str) -> None:
    """Whatever is in the place of an id: there is no such thing."""
    answer = client.api.get(path + part, headers=client.account.headers)

    assert answer.status_code in (400, 404), answer.text


@pytest.mark.parametrize(
    "query", ["limit=0", f"limit={HUGE}", "limit=1.5", "limit=%00", "cursor=%ff", "cursor=e30", "cursor=W10"]
)
@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/blogs",
        "/api/v1/notes",
        "/api/v1/orders",
        "/api/v1/transactions",
        "/api/v1/notifications/user",
        "/events/processed",
    ],
)
def test_a_broken_query_is_refused(client: Client, path: str, query: str) -> None:
    """Numbers out of range, text that no database stores, cursors that nobody gave."""
    answer = client.api.get(f"{path}?{query}", headers=client.account.headers)

    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("value", ["W/", '"', "*", ",,,", '"' + "9" * 5000 + '"', "\xff"])
@pytest.mark.parametrize(
    "name", ["If-Match", "If-None-Match", "Idempotency-Key", "X-Request-Id", "traceparent", "Authorization"]
)
def test_a_strange_header_breaks_nothing(client: Client, name: str, value: str) -> None:
    """It is taken for what it is, or refused. The same note serves for every value: any of its versions does."""
    given = {**client.account.headers, name: value}
    headers = {each.encode(): text.encode("latin-1") for each, text in given.items()}
    note = f"/api/v1/notes/{client.thing('/api/v1/notes', 'GET')}"
    body = {"title": "a", "content": "b"}
    answers = [
        client.api.get(note, headers=headers),
        client.api.put(note, headers=headers, json=body),
        client.api.post("/api/v1/notes", headers=headers, json=body),
    ]

    assert [each.status_code for each in answers if each.status_code >= 500] == []
