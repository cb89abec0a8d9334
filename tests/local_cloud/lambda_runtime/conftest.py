"""Functions as real processes: without LocalStack (`environments`), and through it (`functions`)."""

import base64
import io
import json
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.config import Config

from millrace_local.instance import ACCOUNT, REGION, Instance, environment
from millrace_plugin.lambda_runtime.environment import Environment
from millrace_plugin.lambda_runtime.invocation import Function, Invocation, Outcome
from millrace_plugin.lambda_runtime.variables import Places, function_variables
from tests.kit.servers import starts_server, wait_until

PYTHON = environment("lambda") / "bin" / "python"
LONG_SECONDS = 66  # a client of AWS waits for 60


@dataclass(frozen=True)
class RunningFunction:
    """A function in an environment of its own, without LocalStack."""

    function: Function
    environment: Environment

    def invoke(self, event: object = None, **fields: str) -> Outcome:
        payload = json.dumps(event).encode()
        return self.environment.invoke(Invocation(str(uuid.uuid4()), "arn:aws:lambda:f", payload, **fields))

    def answer(self, event: object = None) -> Any:  # noqa: ANN401 - whatever it returns
        """Return the function's result, or the description of its error."""
        return json.loads(self.invoke(event).payload)


type StartFunction = Callable[..., RunningFunction]


@starts_server
@pytest.fixture
def start_function(tmp_path: Path) -> Iterator[StartFunction]:
    """Start a function of the given source; its environment is stopped when the test ends."""
    started = []

    def start(source: str, *, timeout: float = 5, handler: str = "app.handler", **own: str) -> RunningFunction:
        folder = tmp_path / uuid.uuid4().hex
        (folder / "task").mkdir(parents=True)
        (folder / "task" / "app.py").write_text(source)
        places = Places(PYTHON, folder / "task", None, folder / "scratch")
        offered = {"_HANDLER": handler, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": 128}
        variables = function_variables(offered, own, places)
        function = Function(PYTHON, handler, variables, places.scratch, "$LATEST", timeout, 128, "arn:runtime")
        running = RunningFunction(function, Environment(function))
        running.environment.start()
        started.append(running)
        return running

    yield start
    for running in started:
        running.environment.stop(at_once=True)


@dataclass(frozen=True)
class Answer:
    status: int
    error: str | None
    payload: Any
    log: str
    request_id: str


class Cloud:
    """Functions on a real LocalStack, created through its API with names of their own."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        # Names no server has: only what the tests give may be used.
        self._session = boto3.Session("test", "test", region_name=REGION)
        self.functions = self.client("lambda")
        self.logs = self.client("logs")

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes as it goes
        config = Config(retries={"max_attempts": 0}, read_timeout=60, max_pool_connections=50)
        return self._session.client(service, endpoint_url=self.instance.localstack_url, config=config)

    def create(self, source: str, **settings: object) -> str:
        """Create a function of this source and wait until it is active. Returns its name."""
        name = f"f-{uuid.uuid4().hex[:12]}"
        defaults = {
            "Runtime": "python3.13",
            "Handler": "app.handler",
            "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
            "Code": {"ZipFile": zipped({"app.py": source})},
        }
        self.functions.create_function(FunctionName=name, **(defaults | settings))
        self.wait_until_settled(name)
        return name

    def update(self, name: str, source: str) -> None:
        self.functions.update_function_code(FunctionName=name, ZipFile=zipped({"app.py": source}))
        self.wait_until_settled(name)

    def wait_until_settled(self, name: str) -> None:
        """Wait until the function is neither being created nor being updated."""

        def settled() -> bool:
            configuration = self.functions.get_function_configuration(FunctionName=name)
            return bool(configuration["State"] != "Pending" and configuration["LastUpdateStatus"] != "InProgress")

        wait_until(settled, what=f"{name} to settle")

    def publish_layer(self, files: dict[str, str]) -> str:
        name = f"l-{uuid.uuid4().hex[:12]}"
        layer = self.functions.publish_layer_version(LayerName=name, Content={"ZipFile": zipped(files)})
        return str(layer["LayerVersionArn"])

    def invoke(self, name: str, event: object = None, **settings: object) -> Answer:
        settings = {"LogType": "Tail"} | settings
        answer = self.functions.invoke(FunctionName=name, Payload=json.dumps(event), **settings)
        payload = answer["Payload"].read()
        return Answer(
            answer["StatusCode"],
            answer.get("FunctionError"),
            json.loads(payload) if payload else None,
            base64.b64decode(answer.get("LogResult", "")).decode(errors="replace"),
            answer["ResponseMetadata"]["HTTPHeaders"]["x-amzn-requestid"],
        )

    def log_lines(self, name: str) -> list[str]:
        """Return all lines in the function's log group, in their sequence."""
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{name}")
        try:
            return [event["message"].rstrip("\n") for page in pages for event in page["events"]]
        except self.logs.exceptions.ResourceNotFoundException:
            return []

    def processes(self, name: str) -> list[psutil.Process]:
        """Return the function's processes on this machine."""
        return [process for process in psutil.process_iter() if _runs(process, name)]


@pytest.fixture(scope="session")
def scheduled(localstack: Instance) -> str:
    """Create a function that a schedule invokes with `{"of": "a schedule"}` every minute. Returns its name.

    LocalStack takes a minute for the first time. So the schedule begins with the first test of any function.
    """
    cloud = Cloud(localstack)
    name = cloud.create("def handler(event, context): print('invoked by', event['of'])", Timeout=30)
    target = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    events = cloud.client("events")
    events.put_rule(Name=name, ScheduleExpression="rate(1 minute)")
    events.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": target, "Input": '{"of": "a schedule"}'}])
    return name


@pytest.fixture(scope="session")
def long_running(localstack: Instance) -> str:
    """Invoke a function asynchronously that runs for more than a minute. Returns its name."""
    cloud = Cloud(localstack)
    source = f"import time\ndef handler(event, context):\n  time.sleep({LONG_SECONDS})\n  print('ran to its end')"
    name = cloud.create(source, Timeout=2 * LONG_SECONDS)
    cloud.functions.invoke(FunctionName=name, InvocationType="Event")
    return name


@pytest.fixture(scope="session")
def functions(localstack: Instance, scheduled: str, long_running: str) -> Cloud:  # both take a minute, and begin now
    return Cloud(localstack)


def zipped(files: dict[str, str]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as target:
        for path, content in files.items():
            target.writestr(path, content)
    return archive.getvalue()


def _runs(process: psutil.Process, name: str) -> bool:
    try:
        return process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name
    except psutil.Error:
        return False


@pytest.fixture(scope="session")
def cloud_on() -> type[Cloud]:
    """Return a `Cloud` for a test with a LocalStack of its own."""
    return Cloud
