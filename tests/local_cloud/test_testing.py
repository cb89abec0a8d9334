"""How `./millrace test` runs the tests."""

import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bootstrap
from millrace_local.cli import test as testing
from millrace_local.instance import ROOT, Instance
from millrace_local.servers.redis import Redis
from tests.kit import quick, servers
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tests.kit.ses import Ses
from tools import template

LONG = """
import pathlib, time, pytest

@pytest.fixture
def server():
    pathlib.Path({folder!r}, "started").touch()
    yield
    time.sleep(1)  # longer than subprocess.run waits before it kills
    pathlib.Path({folder!r}, "stopped").touch()

def test_long(server):
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("arguments", "processes"),
    [
        ([], 3),
        (["--durations=30"], 3),
        (["--quick"], 2),
        (["-o", "junit_duration_report=total", "--durations", "30"], 3),
        (["--numprocesses=0"], 0),
        (["tests/users"], 1),
        (["-k", "duplicate"], 1),
        (["-x", "tests/users/test_log_in.py"], 1),
    ],
)
def test_everything_is_shared_by_three_processes_and_a_selection_is_not(arguments: list[str], processes: int) -> None:
    """What the command is given comes last, so that it counts."""
    shared = [each for each in testing.shared(arguments) if each.startswith("--numprocesses=")]

    assert (int(shared[-1].partition("=")[2]) if shared else 1) == processes


def test_coverage_is_pytests_own_option() -> None:
    """It goes with any other, and with a selection."""
    assert testing.shared(["--coverage", "--quick"]) == [*testing.IN_TWO, "--cov", "--cov-report=term", "--quick"]
    assert testing.shared(["tests/users", "--coverage"]) == ["tests/users", "--cov", "--cov-report=term"]


@pytest.mark.parametrize("needed", ["local", "lambda", "dev", template.TRANSLATOR])
def test_the_quick_lane_works_where_nothing_else_was_installed(needed: str) -> None:
    """Its tests start the functions' interpreter, and read the template as SAM expands it."""
    assert needed in bootstrap.QUICK


@pytest.mark.parametrize("server", ["postgres", "kafka", "redis", "opensearch", "stripe_api", "localstack", "cloud"])
def test_the_quick_lane_leaves_out_what_needs_a_server(server: str) -> None:
    """A test whose fixtures include one that starts a server, however far behind."""
    needing: Any = SimpleNamespace(fixturenames=["monkeypatch", "activity", server])

    assert quick.needs_server(needing)


def test_the_quick_lane_has_what_needs_no_server(request: pytest.FixtureRequest, ses: Ses) -> None:
    """AWS by moto is served by the test's own process."""
    assert not quick.needs_server(request.node)


def test_a_server_in_the_quick_lane_fails_its_test(instance: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its fixtures did not say that it needs one. The same holds for a cloud's command."""
    monkeypatch.setattr(servers, "_is_quick", True)

    with pytest.raises(pytest.fail.Exception, match="starts_server"), servers.running(Redis(), instance):
        pass
    with pytest.raises(pytest.fail.Exception, match="starts_server"):
        Cloud(instance).millrace("status")


@pytest.mark.usefixtures("own_instance")
def test_ctrl_c_leaves_fixtures_the_time_to_stop_their_servers(tmp_path: Path) -> None:
    """A terminal sends SIGINT to every process of the command."""
    test = tmp_path / "test_long.py"
    test.write_text(LONG.format(folder=str(tmp_path)))
    # Those of a shell's background ignore it otherwise.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        command = subprocess.Popen([ROOT / "millrace", "test", test], start_new_session=True, stdout=subprocess.DEVNULL)
    finally:
        signal.signal(signal.SIGINT, handler)
    with command:
        wait_until((tmp_path / "started").exists, seconds=60, what="the test to begin")
        os.killpg(command.pid, signal.SIGINT)
        command.wait(60)
    assert (tmp_path / "stopped").exists()
