"""`./millrace run` on a stage whose functions are small: what it sends, keeps, prints, and how it ends."""

import json
import os
import pty
import signal
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest

from millrace_local.instance import ACCOUNT, REGION, ROOT, Instance
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

# Counts to ten; the file beside it says what else happens, and what was asked is appended to the other.
SOURCE = """
import json, time
FOLDER = {folder!r}

def handler(event, context):
    with open(FOLDER + "/asked", "a") as file:
        file.write(json.dumps(event) + chr(10))
    with open(FOLDER + "/orders") as file:
        orders = json.load(file)
    begin = event["cursor"]["at"] if "cursor" in event else 0
    answer = {{"done": begin + 1, "total": 4, "next": None, "result": None, "error": None}}
    if orders.get("raises") == begin:
        raise RuntimeError("no such luck")
    if orders.get("hangs") == begin:
        time.sleep(30)
    if orders.get("fails") == begin:
        error = {{"message": "The database is down.", "fields": [], "retry": True}}
        return answer | {{"done": begin, "next": event.get("cursor"), "error": error}}
    if begin < 3:
        return answer | {{"next": {{"command": {{}}, "at": begin + 1, "done": begin + 1, "total": 4}}}}
    return answer | {{"result": {{"counted": 4}}}}
"""
WRONG_SOURCE = "def handler(event, context): return {'error': 'of another release'}"
REFUSING_SOURCE = """
def handler(event, context):
    fields = [{"path": "grant[0]", "message": "is not a scope"}]
    error = {"message": "1 field is wrong.", "fields": fields, "retry": False}
    return {"done": 0, "total": None, "next": None, "result": None, "error": error}
"""


@dataclass(frozen=True)
class Deployed:
    """A stack `millrace-<stage>` on LocalStack, and a command line with a home of its own."""

    instance: Instance
    stage: str
    folder: Path

    def millrace(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return Cloud(self.instance).millrace(*arguments, check=False, **(AWS | self.endpoint | variables))

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.millrace("run", *arguments, "--stage", self.stage, **variables)

    @property
    def endpoint(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.instance.localstack_url}

    def order(self, **orders: int) -> None:
        (self.folder / "orders").write_text(json.dumps(orders))

    def invocations(self) -> int:
        """Return how often the function was invoked since `asked` was called."""
        return len(self._log.read_text().splitlines())

    def asked(self) -> list[dict[str, Any]]:
        """Return what the function was sent since the last call."""
        lines = self._log.read_text().splitlines()
        self._log.write_text("")
        return [json.loads(line) for line in lines]

    @property
    def _log(self) -> Path:
        return self.folder / "asked"


AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


def function(source: str) -> dict[str, Any]:
    properties = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "Timeout": 60,
        "Code": {"ZipFile": source},
    }
    return {"Type": "AWS::Lambda::Function", "Properties": properties}


@pytest.fixture(scope="module")
def stack(localstack: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    stage, folder = f"s{uuid.uuid4().hex[:8]}", tmp_path_factory.mktemp("function")
    (folder / "asked").touch()
    template = {
        "Resources": {
            "CatalogRebuildIndex": function(SOURCE.format(folder=str(folder))),
            "UsersChangeScopes": function(REFUSING_SOURCE),
            "UsersRotateKeys": function(WRONG_SOURCE),
        }
    }
    session = boto3.Session("test", "test", region_name=REGION)
    cloudformation = session.client("cloudformation", endpoint_url=localstack.localstack_url)
    cloudformation.create_stack(StackName=f"millrace-{stage}", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=f"millrace-{stage}", WaiterConfig={"Delay": 1})
    yield stage, folder
    cloudformation.delete_stack(StackName=f"millrace-{stage}")


@pytest.fixture
def deployed(localstack: Instance, stack: tuple[str, Path], tmp_path: Path) -> Deployed:
    """The stack, with nothing interrupted yet and a function that does as it should."""
    stage, folder = stack
    found = Deployed(Instance(tmp_path, localstack.ports), stage, folder)
    found.order()
    found.asked()
    return found


def test_goes_on_until_the_operation_is_finished_and_prints_its_result(deployed: Deployed) -> None:
    """Each invocation begins at the last answer's cursor; the result is on standard output, alone."""
    ran = deployed.run("catalog.rebuild_index")

    assert (ran.returncode, json.loads(ran.stdout)) == (0, {"counted": 4}), ran.stderr
    [first, *others] = deployed.asked()
    assert first == {"seconds": 2}
    assert [each["cursor"]["at"] for each in others] == [1, 2, 3]


def test_prints_one_line_of_json_for_scripts(deployed: Deployed) -> None:
    """The whole last answer, and nothing else on standard output."""
    ran = deployed.run("catalog.rebuild_index", "--json")

    [line] = ran.stdout.splitlines()
    assert json.loads(line) == {"done": 4, "total": 4, "next": None, "result": {"counted": 4}, "error": None}


@pytest.mark.parametrize("how", ["raises", "fails"])
def test_resumes_where_it_was_stopped(deployed: Deployed, how: str) -> None:
    """What stopped it is told with the way to go on; nothing before it is done again, and then nothing is kept."""
    deployed.order(**{how: 2})
    stopped = deployed.run("catalog.rebuild_index", "--json")

    assert stopped.returncode == 1
    assert {"raises": "no such luck", "fails": "The database is down."}[how] in stopped.stderr
    assert f"./millrace run catalog.rebuild_index --resume --stage {deployed.stage}" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    if how == "fails":
        assert json.loads(stopped.stdout)["error"]["retry"]
    deployed.order()
    deployed.asked()
    resumed = deployed.run("catalog.rebuild_index", "--resume")
    assert (resumed.returncode, json.loads(resumed.stdout)) == (0, {"counted": 4})
    assert [each["cursor"]["at"] for each in deployed.asked()] == [2, 3]

    again = deployed.run("catalog.rebuild_index", "--resume")
    assert again.returncode == 1
    assert "There is nothing to resume" in again.stderr


def test_an_interrupted_run_says_how_to_go_on(deployed: Deployed) -> None:
    """Ctrl-C ends with 130, and with the command that resumes."""
    deployed.order(hangs=1)
    master, terminal = pty.openpty()
    words = [str(ROOT / "millrace"), "run", "catalog.rebuild_index", "--stage", deployed.stage]
    variables = os.environ | deployed.instance.as_environment() | AWS | deployed.endpoint
    with subprocess.Popen(words, env=variables, stderr=subprocess.PIPE, stdout=terminal, text=True) as process:
        wait_until(lambda: deployed.invocations() == 2, what="the second part", seconds=120)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    os.close(master)
    os.close(terminal)

    assert process.returncode == 130
    assert "Traceback" not in told
    assert f"Go on with: ./millrace run catalog.rebuild_index --resume --stage {deployed.stage}" in told


def test_a_new_run_forgets_the_interrupted_one(deployed: Deployed) -> None:
    """It begins at the beginning, and so would its resumption."""
    deployed.order(fails=2)
    deployed.run("catalog.rebuild_index")
    deployed.order(fails=0)
    deployed.run("catalog.rebuild_index")

    assert "There is nothing to resume" in deployed.run("catalog.rebuild_index", "--resume").stderr


def test_a_refused_command_is_told_field_by_field(deployed: Deployed) -> None:
    """The function's words, no stack trace."""
    refused = deployed.run("users.change_scopes", "--username", "ann")

    assert refused.returncode == 1
    assert refused.stderr.startswith("Error: users.change_scopes: 1 field is wrong.\n  grant[0]: is not a scope")


def test_the_options_are_those_of_the_command(deployed: Deployed) -> None:
    """A wrong value, a missing one and an unknown option are refused before anything is invoked."""
    wrong = deployed.run("users.change_scopes", "--username", "ann", "--grant", "everything")
    missing = deployed.run("users.change_scopes", "--grant", "user")
    unknown = deployed.run("catalog.rebuild_index", "--fast")

    assert [each.returncode for each in (wrong, missing, unknown)] == [2, 2, 2]
    assert "everything" in wrong.stderr
    assert "--username" in missing.stderr
    assert "--fast" in unknown.stderr
    assert deployed.asked() == []


def test_resume_takes_no_other_options(deployed: Deployed) -> None:
    """They would have no effect."""
    refused = deployed.run("users.change_scopes", "--username", "ann", "--resume")

    assert refused.returncode == 1
    assert "Leave out --username" in refused.stderr


def test_an_answer_of_another_release_is_not_taken_for_one(deployed: Deployed) -> None:
    """It says that the stage is to be deployed."""
    assert "Deploy it first" in deployed.run("users.rotate_keys").stderr


def test_a_stage_or_a_function_that_is_not_there_is_named(deployed: Deployed) -> None:
    """With the place that was asked, or the functions that there are."""
    stage = deployed.millrace("run", "catalog.rebuild_index", "--stage", "nowhere")
    absent = deployed.run("operations.run_migrations", "--command", "status")

    assert (stage.returncode, absent.returncode) == (1, 1)
    assert "millrace-nowhere" in stage.stderr
    assert deployed.instance.localstack_url in stage.stderr
    assert "There are: CatalogRebuildIndex, UsersChangeScopes, UsersRotateKeys" in absent.stderr


def test_a_profile_leads_to_the_only_stage_of_its_account(deployed: Deployed, tmp_path: Path) -> None:
    """Its keys and its region are those of AWS's configuration; a profile that is not there is named."""
    config = tmp_path / "config"
    config.write_text(f"[profile shop]\nregion = {REGION}\naws_access_key_id = test\naws_secret_access_key = test\n")
    variables = {"AWS_CONFIG_FILE": str(config), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    found = deployed.millrace("run", "catalog.rebuild_index", "--profile", "shop", **variables)
    wrong = deployed.millrace("run", "catalog.rebuild_index", "--profile", "none", **variables)

    assert (found.returncode, json.loads(found.stdout)) == (0, {"counted": 4}), found.stderr
    assert wrong.returncode == 1
    assert "none" in wrong.stderr
    assert "Traceback" not in wrong.stderr


def test_lists_the_operations_and_shows_their_options(deployed: Deployed) -> None:
    """Without any server."""
    listed = deployed.millrace("run").stdout.splitlines()

    assert any(line.startswith("catalog.rebuild_index ") and "Rebuild the search index" in line for line in listed)
    assert "--username" in deployed.millrace("run", "users.change_scopes", "--help").stdout
