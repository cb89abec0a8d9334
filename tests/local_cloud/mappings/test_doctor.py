"""`./millrace doctor`: what is wrong with servers, stacks, schedules and mappings."""

import json
from typing import Any
from uuid import uuid4

import pytest
import typer
from typer.testing import CliRunner, Result

from millrace_local.cli import doctor
from tests.kit.servers import free_instance, wait_until
from tests.local_cloud.mappings.conftest import Lab
from tests.local_cloud.status.records import write

pytestmark = pytest.mark.usefixtures("here")


def run(*arguments: str) -> Result:
    application = typer.Typer()
    application.command()(doctor.command)
    return CliRunner().invoke(application, list(arguments))


def found(*arguments: str) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in json.loads(run(*arguments, "--json").stdout)}


def test_a_cloud_that_is_down_is_told_server_by_server(monkeypatch: pytest.MonkeyPatch, lab: Lab) -> None:
    """Each with a reason and the command, and exit code 1."""
    for name, value in free_instance(lab.place.instance.home / "nobody").as_environment().items():
        monkeypatch.setenv(name, value)
    shown = run()

    assert shown.exit_code == 1
    assert "→ ./millrace up" in shown.stdout
    assert {"postgres", "kafka", "localstack", "all mappings"} <= found().keys()


def test_on_aws_mappings_schedules_and_what_cannot_be_looked_at_are_told(
    staged: tuple[str, str, str], lab: Lab
) -> None:
    """Without any server of this machine."""
    stage, _, topic = staged
    write(lab.kafka, topic, 1)
    rule = f"millrace-{stage}-Minute-{uuid4().hex[:6]}"
    lab.cloud.client("events").put_rule(Name=rule, ScheduleExpression="rate(1 minute)", State="DISABLED")
    wait_until(lambda: "notes.on_user_events" in found("--stage", stage), seconds=60, what="the failing mapping")
    problems = found("--stage", stage)
    lab.cloud.client("events").delete_rule(Name=rule)

    assert problems[rule]["command"] == f"aws events enable-rule --name {rule}"
    assert "Its function fails" in problems["notes.on_user_events"]["reason"]
    assert "cannot be looked at" in problems["operations.report_problems"]["reason"]
    assert "postgres" not in problems


def test_a_stage_that_does_not_exist_is_an_error(lab: Lab) -> None:
    """It is not a stage with nothing wrong."""
    assert lab
    assert run("--stage", "nowhere").exit_code == 1
