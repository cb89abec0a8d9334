"""`GET /_millrace/v1/status`, served by the process that also deploys again."""

import os
import subprocess
from collections.abc import Iterator
from http import HTTPStatus

import httpx
import msgspec
import psutil
import pytest

from millrace_local.cloud.status import Status
from millrace_local.instance import Instance, environment
from tests.kit import listening
from tests.kit.servers import free_instance, wait_until


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """A local cloud of which only the redeployer runs."""
    instance = free_instance(tmp_path_factory.mktemp("status"))
    command = [str(environment("local") / "bin" / "python"), "-m", "millrace_local.cloud.redeployer"]
    with subprocess.Popen(command, env=os.environ | instance.as_environment(), stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: ask(instance, {"seconds": "x"}), seconds=60, what="the status to be served")
            yield instance
        finally:
            process.kill()


def ask(
    instance: Instance, parameters: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> httpx.Response | None:
    try:
        return httpx.get(instance.status_url, params=parameters, headers=headers, timeout=60)
    except httpx.TransportError:
        return None


def test_the_whole_status_is_served_while_every_server_is_down(served: Instance) -> None:
    """As the structures that the command prints."""
    answer = ask(served, {"seconds": "1"})
    assert answer
    assert answer.headers["Content-Type"] == "application/json"
    found = msgspec.json.decode(answer.content, type=Status)
    states = {each.name: each.state for each in found.parts}
    assert (states["kafka"], states["localstack"], states["application"]) == ("down", "down", "unknown")
    assert found.functions is None


@pytest.mark.parametrize("parameters", [{"seconds": "0"}, {"seconds": "nan"}, {"second": "1"}])
def test_a_parameter_without_effect_is_refused(served: Instance, parameters: dict[str, str]) -> None:
    """The answer says which one is known."""
    answer = ask(served, parameters)
    assert answer
    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "seconds" in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=lambda headers: next(iter(headers)),
)
def test_a_page_from_elsewhere_reads_no_status(served: Instance, headers: dict[str, str]) -> None:
    """As at every other port of the local cloud."""
    answer = ask(served, headers=headers)
    assert answer
    assert answer.status_code == HTTPStatus.FORBIDDEN


def test_it_listens_on_this_machine_alone(served: Instance) -> None:
    """Other machines are no clients of the local cloud."""
    children = psutil.Process().children(recursive=True)
    assert served.ports["status"] in listening.ports(children)
    assert listening.strangers(children) == []
