"""The local Stripe and OpenSearch refuse other sites' pages and other hosts, as LocalStack does."""

from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest

from millrace_local.instance import Instance
from millrace_local.servers import stripe_account
from tests.kit.raw_http import Reply, send
from tests.kit.servers import starts_server
from tests.local_cloud.front_door.cases import FOREIGN_ORIGINS, OWN_ORIGINS, UNWELCOME, WELCOME

type Ask = Callable[..., Reply]
PAGE = {"Host": "localhost", "Sec-Fetch-Site": "cross-site", "User-Agent": "Mozilla/5.0"}


@starts_server
@pytest.fixture(params=["stripe_api", "opensearch"])
def ask(request: pytest.FixtureRequest, instance: Instance) -> Ask:
    """Return a function `ask(method, target, headers)`, which sends a request with an account's key to each server."""
    port = urlsplit(request.getfixturevalue(request.param)).port
    key = {"Authorization": f"Bearer {stripe_account.local(instance).api_key}"} if request.param == "stripe_api" else {}

    def ask(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Reply:
        assert port
        return send(port, method, target, headers | key, body)

    return ask


@pytest.mark.parametrize("headers", WELCOME.values(), ids=WELCOME)
def test_clients_come_in(ask: Ask, headers: dict[str, str]) -> None:
    assert ask("GET", "/_cat/indices", headers).status != HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("headers", UNWELCOME.values(), ids=UNWELCOME)
@pytest.mark.parametrize("target", ["/", "/_cat/indices", "/v1/customers", "/_config/data"])
def test_strangers_stay_out(ask: Ask, headers: dict[str, str], target: str) -> None:
    assert ask("GET", target, headers).status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("origin", OWN_ORIGINS)
def test_a_page_of_this_machine_comes_in(ask: Ask, origin: str) -> None:
    assert ask("POST", "/_cat/indices", PAGE | {"Origin": origin}).status != HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_a_page_from_elsewhere_stays_out(ask: Ask, origin: str, method: str) -> None:
    assert ask(method, "/_all", PAGE | {"Origin": origin}).status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize("origin", [{}, {"Origin": "https://evil.example"}, {"Origin": "null"}])
def test_a_page_from_elsewhere_closes_no_index(opensearch: str, origin: dict[str, str]) -> None:
    index = f"{opensearch}/index-{uuid4()}"
    httpx.put(index, timeout=60).raise_for_status()

    port = urlsplit(opensearch).port
    assert port
    answer = send(port, "POST", f"{urlsplit(index).path}/_close", PAGE | origin)

    assert answer.status == HTTPStatus.FORBIDDEN
    assert httpx.get(f"{index}/_count", timeout=60).status_code == HTTPStatus.OK


def test_a_page_from_elsewhere_registers_no_webhook(stripe_api: str, instance: Instance) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://evil.example"}
    port = urlsplit(stripe_api).port
    assert port

    for target in ("/v1/webhook_endpoints", "/_config/webhooks/evil"):
        assert send(port, "POST", target, PAGE | form, b"url=http://evil.example").status == HTTPStatus.FORBIDDEN


def test_a_front_end_loads_stripe_s_script(stripe_api: str) -> None:
    port = urlsplit(stripe_api).port
    assert port

    assert send(port, "GET", "/js.stripe.com/v3/", PAGE).status == HTTPStatus.OK
