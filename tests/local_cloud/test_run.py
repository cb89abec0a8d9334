"""`./millrace run` on a stage whose functions are small: what it sends, keeps, prints, and how it ends."""

import json
import os
import signal
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from typer.testing import CliRunner

from millrace_local.cli import run
from millrace_local.deployment import operations
from millrace_local.deployment.stages import Function, FunctionFailedError
from millrace_local.instance import ACCOUNT, REGION, ROOT, Instance
from tests.kit.cloud import Cloud
from tests.kit.servers import OFTEN, wait_until

AWS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
# Counts to four. The file `orders` says what else happens at which number; what was sent is appended to `asked`.
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


SLOW_SOURCE = "import time\ndef handler(event, context): time.sleep(30)"


@dataclass(frozen=True)
class Ran:
    """How a command ended. *error*: what is printed after `Error: `."""

    code: int
    out: str
    told: str
    error: str


@dataclass(frozen=True)
class Deployed:
    """A stack `millrace-<stage>` on LocalStack, and a command line with a home of its own, in this process."""

    instance: Instance
    stage: str
    folder: Path

    def run(self, *arguments: str, stage: str | None = "its own") -> Ran:
        where = ["--stage", self.stage if stage == "its own" else stage] if stage else []
        ran = CliRunner().invoke(run.application, [*arguments, *where])
        return Ran(ran.exit_code, ran.stdout, ran.stderr, str(ran.exception))

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


def function(source: str, timeout: int = 60) -> dict[str, Any]:
    properties = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "Timeout": timeout,
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
            "OrdersRebuildOrderList": function(SLOW_SOURCE, timeout=1),
            "UsersChangeScopes": function(REFUSING_SOURCE),
            "UsersRotateKeys": function(WRONG_SOURCE),
        }
    }
    session = boto3.Session("test", "test", region_name=REGION)
    cloudformation = session.client("cloudformation", endpoint_url=localstack.localstack_url)
    cloudformation.create_stack(StackName=f"millrace-{stage}", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=f"millrace-{stage}", WaiterConfig=OFTEN)
    yield stage, folder
    cloudformation.delete_stack(StackName=f"millrace-{stage}")


@pytest.fixture
def deployed(
    localstack: Instance, stack: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Deployed:
    """The stack, with nothing interrupted yet and a function that does as it should."""
    found = Deployed(Instance(tmp_path, localstack.ports), *stack)
    for name, value in (found.instance.as_environment() | AWS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", localstack.localstack_url)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    found.order()
    found.asked()
    return found


def test_goes_on_until_the_operation_is_finished_and_prints_its_result(deployed: Deployed) -> None:
    """Each invocation begins at the last answer's cursor; the result is on standard output, alone."""
    ran = deployed.run("catalog.rebuild_index")

    assert (ran.code, json.loads(ran.out), ran.told) == (0, {"counted": 4}, "")
    [first, *others] = deployed.asked()
    assert first == {"seconds": 2}
    assert [each["cursor"]["at"] for each in others] == [1, 2, 3]


def test_prints_one_line_of_json_for_scripts(deployed: Deployed) -> None:
    """The whole last answer, and nothing else on standard output."""
    [line] = deployed.run("catalog.rebuild_index", "--json").out.splitlines()

    assert json.loads(line) == {"done": 4, "total": 4, "next": None, "result": {"counted": 4}, "error": None}


@pytest.mark.parametrize(("how", "why"), [("raises", "no such luck"), ("fails", "The database is down.")])
def test_resumes_where_it_was_stopped(deployed: Deployed, how: str, why: str) -> None:
    """What stopped it is told with the way to go on; nothing before it is done again, and then nothing is kept."""
    deployed.order(**{how: 2})
    stopped = deployed.run("catalog.rebuild_index", "--json")

    assert stopped.code == 1
    assert why in stopped.error
    assert f"./millrace run catalog.rebuild_index --resume --stage {deployed.stage}" in stopped.told
    if how == "fails":
        assert json.loads(stopped.out)["error"]["retry"]
    deployed.order()
    deployed.asked()
    resumed = deployed.run("catalog.rebuild_index", "--resume")
    assert (resumed.code, json.loads(resumed.out)) == (0, {"counted": 4})
    assert [each["cursor"]["at"] for each in deployed.asked()] == [2, 3]

    assert "There is nothing to resume" in deployed.run("catalog.rebuild_index", "--resume").error


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let the programs that a test starts be interrupted, also where the tests run in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupted_run_says_how_to_go_on(deployed: Deployed) -> None:
    """Ctrl-C ends with 130, and with the command that resumes."""
    deployed.order(hangs=1)
    words = [str(ROOT / "millrace"), "run", "catalog.rebuild_index", "--stage", deployed.stage]
    with subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        wait_until(lambda: deployed.invocations() == 2, what="the second part", seconds=120)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)

    assert (process.returncode, out) == (130, "")
    assert told.endswith(
        f"Interrupted. Go on with: ./millrace run catalog.rebuild_index --resume --stage {deployed.stage}\n"
    )


def test_a_new_run_forgets_the_interrupted_one(deployed: Deployed) -> None:
    """It begins at the beginning, and so would its resumption."""
    deployed.order(fails=2)
    deployed.run("catalog.rebuild_index")
    deployed.order(fails=0)
    deployed.run("catalog.rebuild_index")

    assert "There is nothing to resume" in deployed.run("catalog.rebuild_index", "--resume").error


def test_a_refused_command_is_told_field_by_field(deployed: Deployed) -> None:
    """The function's words as one error on standard error, no stack trace."""
    ran = Cloud(deployed.instance).millrace(
        *("run", "users.change_scopes", "--username", "ann", "--stage", deployed.stage), check=False
    )

    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == "Error: users.change_scopes: 1 field is wrong.\n  grant[0]: is not a scope\n"


def test_a_function_that_takes_too_long_is_an_error(deployed: Deployed) -> None:
    """Lambda's words: after how many seconds it was ended."""
    ran = deployed.run("orders.rebuild_order_list")

    assert (ran.code, ran.out) == (1, "")
    assert "OrdersRebuildOrderList failed: " in ran.error
    assert "timed out after 1.00 seconds" in ran.error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            ClientError({"Error": {"Code": "TooManyRequestsException", "Message": "Rate Exceeded."}}, "Invoke"),
            "UsersRotateKeys cannot be invoked: Rate Exceeded.",
        ),
        (ReadTimeoutError(endpoint_url="https://lambda"), "UsersRotateKeys cannot be invoked: Read timeout on"),
    ],
)
def test_an_invocation_that_aws_refuses_is_not_repeated(error: Exception, told: str) -> None:
    """The first one may be running; the error is AWS's own."""
    calls = []

    class Client:
        def invoke(self, **_: object) -> None:
            calls.append(1)
            raise error

    with pytest.raises(FunctionFailedError, match=told):
        Function("UsersRotateKeys", "millrace-prod-UsersRotateKeys-1", Client()).invoke({})
    assert calls == [1]


def test_the_options_are_those_of_the_command(deployed: Deployed) -> None:
    """A wrong value, a missing one and an unknown option are refused before anything is invoked."""
    wrong = deployed.run("users.change_scopes", "--username", "ann", "--grant", "everything")
    missing = deployed.run("users.change_scopes", "--grant", "user")
    unknown = deployed.run("catalog.rebuild_index", "--fast")

    assert [each.code for each in (wrong, missing, unknown)] == [2, 2, 2]
    assert "everything" in wrong.told
    assert "--username" in missing.told
    assert "--fast" in unknown.told
    assert deployed.asked() == []


def test_resume_takes_no_other_options(deployed: Deployed) -> None:
    """They would have no effect."""
    assert "Leave out --username" in deployed.run("users.change_scopes", "--username", "ann", "--resume").error


def test_an_answer_of_another_release_is_not_taken_for_one(deployed: Deployed) -> None:
    """It says that the stage is to be deployed."""
    assert "Deploy it first" in deployed.run("users.rotate_keys").error


def test_a_stage_or_a_function_that_is_not_there_is_named(deployed: Deployed) -> None:
    """With the place that was asked, or the functions that there are."""
    nowhere = deployed.run("catalog.rebuild_index", stage="nowhere")
    absent = deployed.run("operations.run_migrations", "--command", "status")

    assert (nowhere.code, absent.code) == (1, 1)
    assert "millrace-nowhere" in nowhere.error
    assert deployed.instance.localstack_url in nowhere.error
    assert "There are: CatalogRebuildIndex, OrdersRebuildOrderList, UsersChangeScopes" in absent.error


def test_a_profile_leads_to_the_only_stage_of_its_account(
    deployed: Deployed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its keys and its region are those of AWS's configuration; one that is not there, or has no keys, is named."""
    config = tmp_path / "config"
    keys = "aws_access_key_id = test\naws_secret_access_key = test\n"
    config.write_text(f"[profile shop]\nregion = {REGION}\n{keys}[profile keyless]\nregion = {REGION}\n")
    for name in AWS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    found = deployed.run("catalog.rebuild_index", "--profile", "shop", stage=None)

    assert (found.code, json.loads(found.out)) == (0, {"counted": 4}), found.error
    assert "(none)" in deployed.run("catalog.rebuild_index", "--profile", "none", stage=None).error
    assert "credentials" in deployed.run("catalog.rebuild_index", "--profile", "keyless").error
    assert "credentials" in deployed.run("catalog.rebuild_index", "--profile", "keyless", stage=None).error


def test_lists_the_operations_and_shows_their_options(deployed: Deployed) -> None:
    """Without any server: one line for each of the catalogue."""
    listed = deployed.run(stage=None).out.splitlines()

    assert [line.split()[0] for line in listed] == [each["name"] for each in operations.catalogue()]
    assert "--username" in deployed.run("users.change_scopes", "--help", stage=None).out
