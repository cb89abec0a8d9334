"""The API's port answers before an application is deployed."""

import json
from http import HTTPStatus

import pytest

from millrace_local.instance import Instance
from tests.kit.raw_http import send
from tests.local_cloud.api_port.hosts import HOSTS


@pytest.mark.parametrize("headers", HOSTS.values(), ids=HOSTS)
def test_without_an_application_every_request_is_told_so(localstack: Instance, headers: dict[str, str]) -> None:
    for target in ("/health", "/_localstack/health", "http://s3.amazonaws.com/bucket"):
        answer = send(localstack.ports["api"], "GET", target, headers)

        assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "not deployed" in json.loads(answer.body)["detail"]


PAGE = {"Host": "localhost", "Sec-Fetch-Site": "same-site"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def test_a_front_end_of_this_machine_can_read_it(localstack: Instance) -> None:
    """Its browser asks first, and shows the answer to the page only if it carries the page's origin."""
    page = PAGE | {"Origin": "http://localhost:3000"}
    first = send(localstack.ports["api"], "OPTIONS", "/api/v1/notes", page | PREFLIGHT)
    then = send(localstack.ports["api"], "POST", "/api/v1/notes", page, b"{}")

    assert first.status == HTTPStatus.NO_CONTENT
    assert first.headers["Access-Control-Allow-Methods"] == "POST"
    assert first.headers["Access-Control-Allow-Headers"] == "authorization,content-type"
    assert then.status == HTTPStatus.SERVICE_UNAVAILABLE
    assert first.headers["Access-Control-Allow-Origin"] == then.headers["Access-Control-Allow-Origin"] == page["Origin"]


def test_a_page_from_elsewhere_can_not(localstack: Instance) -> None:
    for method in ("OPTIONS", "GET"):
        answer = send(localstack.ports["api"], method, "/", PAGE | {"Origin": "https://evil.example"} | PREFLIGHT)

        assert answer.status == HTTPStatus.SERVICE_UNAVAILABLE
        assert "Access-Control-Allow-Origin" not in answer.headers
