"""What the command says when there is nothing to work on."""

import json
import socket
import time

import pytest

from millrace_local.cli import up
from millrace_local.instance import HOST, Instance
from tests.kit.cloud import Cloud


@pytest.fixture
def absent_cloud(own_instance: Instance) -> Cloud:
    return Cloud(own_instance)


@pytest.mark.parametrize(
    "command",
    [
        "env",
        "deploy",
        "migrate",
        "invoke OperationsGetHealth",
        "logs kafka",
        "scopes ann",
        "reindex",
        "run users.rotate_keys",
        "events archive",
        "events archive --verify",
    ],
)
def test_a_command_on_a_cloud_that_is_down_says_how_to_start_it(absent_cloud: Cloud, command: str) -> None:
    """One line that names what does not answer and the way out; exit code 1, no traceback, nothing on stdout."""
    refused = absent_cloud.millrace(*command.split(), check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: ")
    assert "./millrace up" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stdout == ""


@pytest.mark.parametrize(
    "command",
    ["env", "deploy", "invoke OperationsGetHealth", "scopes ann", "reindex", "run users.rotate_keys", "events archive"],
)
def test_a_command_on_a_localstack_that_hangs_says_so(absent_cloud: Cloud, command: str) -> None:
    """Nobody waits for what accepts connections and never answers: one line, exit code 1."""
    with socket.create_server((HOST, absent_cloud.instance.ports["localstack"])):
        began = time.monotonic()
        refused = absent_cloud.millrace(*command.split(), check=False)
    assert time.monotonic() - began < 60
    assert refused.returncode == 1
    assert "LocalStack does not answer" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_status_of_a_cloud_that_is_down_shows_each_server_as_down(absent_cloud: Cloud) -> None:
    """The exit code is 1, and the JSON has every server with the problem that was seen."""
    ran = absent_cloud.millrace("status", "--json", check=False)
    parts = json.loads(ran.stdout)["parts"]
    assert ran.returncode == 1
    servers = ["postgres", "redis", "kafka", "opensearch", "stripe", "localstack"]
    assert [part["name"] for part in parts][:8] == [*servers, "supervisor", "application"]
    assert all(part["state"] == "down" and part["problem"] for part in parts[:7])


@pytest.mark.parametrize(
    "command",
    ["", "up", "status", "env", "invoke", "deploy", "logs", "scopes", "reindex", "run", "events", "events archive"],
)
def test_help_shows_an_example(absent_cloud: Cloud, command: str) -> None:
    """`--help` works without any server and shows how the command is used."""
    shown = absent_cloud.millrace(*command.split(), "--help").stdout
    assert "./millrace" in shown


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--verify --acknowledge lost", "--verify changes nothing. Give --acknowledge without it."),
        ("--acknowledge=", "--acknowledge needs a reason, which is kept with the gaps."),
    ],
)
def test_options_without_effect_are_refused(absent_cloud: Cloud, options: str, told: str) -> None:
    """Before anything is invoked; exit code 2."""
    refused = absent_cloud.millrace("events", "archive", *options.split(), check=False, COLUMNS="200")

    assert refused.returncode == 2
    assert told in refused.stderr


def test_up_names_the_variables_of_other_services_that_it_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody believes to have moved the broker by a name that only functions know."""
    for name in up.FUNCTIONS_OWN:
        monkeypatch.delenv(name, raising=False)
    assert up.find_ignored_variables() is None

    monkeypatch.setenv("KAFKA_BROKER", "kafka:9092")
    monkeypatch.setenv("PORT", "3000")
    assert "PORT, KAFKA_BROKER" in str(up.find_ignored_variables())
    assert "MILLRACE_" in str(up.find_ignored_variables())
