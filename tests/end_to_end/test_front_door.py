"""The whole local cloud is closed to other machines, and a front end of this one may use its API."""

import stat
from http import HTTPStatus

import psutil
import pytest

from kernel.web import responses
from tests.kit import listening
from tests.kit.cloud import Cloud
from tests.kit.raw_http import send

FRONT_END = {"Host": "localhost:8080", "Origin": "http://localhost:3000", "Sec-Fetch-Site": "same-site"}
EVIL = FRONT_END | {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
PREFLIGHT = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


def processes(cloud: Cloud) -> list[psutil.Process]:
    supervisor = psutil.Process(int((cloud.instance.run / "supervisord.pid").read_text()))
    return [supervisor, *supervisor.children(recursive=True)]


def test_no_process_of_the_cloud_listens_elsewhere(cloud: Cloud) -> None:
    """Functions, their runtime's API and the supervisor are among them."""
    found = processes(cloud)

    assert listening.ports(found) >= set(cloud.instance.ports.values())
    assert listening.strangers(found) == []


def test_a_front_end_on_port_3000_may_call_the_api(cloud: Cloud) -> None:
    api = cloud.instance.ports["api"]
    preflight = send(api, "OPTIONS", "/api/v1/notes", FRONT_END | PREFLIGHT)
    answer = send(api, "GET", "/health", FRONT_END)

    assert preflight.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}
    assert preflight.headers["Access-Control-Allow-Origin"] == FRONT_END["Origin"]
    assert "Authorization" in preflight.headers["Access-Control-Allow-Headers"]
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert answer.status == HTTPStatus.OK
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END["Origin"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/no/such/route", 404),
        ("PUT", "/health", 404),
        ("OPTIONS", "/events/generate", 204),
        ("GET", "/api/v1/notes", 401),
    ],
)
def test_the_gateway_s_own_answers_have_every_header(cloud: Cloud, method: str, path: str, status: int) -> None:
    """As the functions' answers do: an allowed page can read why, and nothing else can be made of them."""
    answer = send(cloud.instance.ports["api"], method, path, FRONT_END | (PREFLIGHT if method == "OPTIONS" else {}))

    assert answer.status == status
    assert {name: answer.headers[name] for name in responses.SECURITY_HEADERS} == responses.SECURITY_HEADERS
    assert answer.headers["Access-Control-Allow-Origin"] == FRONT_END["Origin"]


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/docs", "/openapi.json"])
def test_head_gives_the_headers_alone(cloud: Cloud, path: str) -> None:
    """Those of GET, without the content."""
    get, head = (send(cloud.instance.ports["api"], method, path, FRONT_END) for method in ("GET", "HEAD"))

    assert (head.status, head.body) == (get.status, b"")
    for name in ("Content-Type", "Cache-Control", "Content-Security-Policy", "Access-Control-Allow-Origin"):
        assert head.headers[name] == get.headers[name]


def test_other_sites_pages_may_not_read_the_api(cloud: Cloud) -> None:
    api = cloud.instance.ports["api"]
    for method in ("OPTIONS", "GET"):
        assert send(api, method, "/health", EVIL | PREFLIGHT).headers["Access-Control-Allow-Origin"] != EVIL["Origin"]


def test_a_tunnel_reaches_the_webhook(cloud: Cloud) -> None:
    """An event that Stripe did not sign is refused by the application: it got there."""
    tunnel = {"Host": "shop.example.com", "X-Forwarded-Proto": "https", "Content-Type": "application/json"}
    answer = send(cloud.instance.ports["api"], "POST", "/api/v1/payments/webhook", tunnel, b"{}")

    assert answer.status == HTTPStatus.BAD_REQUEST
    assert answer.headers["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("name", ["data", "logs", "run"])
def test_nobody_else_reads_the_cloud_s_folders(cloud: Cloud, name: str) -> None:
    """Deeper folders cannot be reached; the code of functions keeps the modes of its packages."""
    top = cloud.instance.home / name
    folders = [path for path in (top, *top.iterdir()) if path.is_dir()]

    assert [str(path) for path in folders if stat.S_IMODE(path.stat().st_mode) & 0o077] == []
