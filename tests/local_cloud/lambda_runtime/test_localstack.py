"""Functions as processes on a real LocalStack, through Lambda's API."""

import base64
import io
import json
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from botocore.exceptions import ClientError

from millrace_local.instance import environment
from millrace_local.servers.leftovers import has_ended
from millrace_plugin.lambda_runtime import isolation
from tests.kit.servers import wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

PYTHON = environment("lambda") / "bin" / "python"
WHO = "import os\ndef handler(event, context): return os.getpid()"


def test_a_synchronous_invocation_answers(functions: "Cloud") -> None:
    """RequestResponse gives the function's result, its version, and the same process when it is warm."""
    name = functions.create(
        "import os\ndef handler(event, context): return [event, os.getpid(), context.aws_request_id]"
    )
    answer = functions.invoke(name, {"a": 1})
    assert (answer.status, answer.error) == (200, None)
    event, pid, request_id = answer.payload
    assert (event, request_id) == ({"a": 1}, answer.request_id)
    assert functions.invoke(name).payload[1] == pid


def test_an_asynchronous_invocation_runs_once_it_is_accepted(functions: "Cloud") -> None:
    """Event is accepted with 202 and no payload; the function runs, as its log shows."""
    name = functions.create("def handler(event, context): print('did', event)")
    answer = functions.invoke(name, "it", InvocationType="Event")
    assert (answer.status, answer.payload) == (202, None)
    wait_until(lambda: "did it" in functions.log_lines(name))


def test_an_asynchronous_invocation_that_was_killed_is_repeated_within_seconds(functions: "Cloud") -> None:
    """Twice, as on AWS, but long before AWS's minute is over: a relay that was killed works again at once."""
    name = functions.create("import os\ndef handler(event, context):\n    print('began')\n    os.kill(os.getpid(), 9)")
    functions.invoke(name, InvocationType="Event")
    wait_until(lambda: functions.log_lines(name).count("began") == 3, seconds=45)


def test_a_dry_run_runs_nothing(functions: "Cloud") -> None:
    """DryRun answers 204, and the next invocation is the function's first."""
    name = functions.create(WHO)
    assert functions.invoke(name, InvocationType="DryRun").status == 204
    assert "INIT_START" in functions.invoke(name).log


def test_the_context_is_the_functions_own(functions: "Cloud") -> None:
    """Name, version, ARN, memory, log group and stream, and the caller's client context are in the context."""
    name = functions.create(
        "def handler(event, c):\n"
        "    return [c.function_name, c.function_version, c.invoked_function_arn, c.memory_limit_in_mb, c.log_group_name,\n"
        "            c.log_stream_name, c.client_context.custom, c.identity.cognito_identity_id,\n"
        "            c.get_remaining_time_in_millis()]",
        MemorySize=256,
        Timeout=7,
        Publish=True,
    )
    context = base64.b64encode(json.dumps({"custom": {"who": "Zoë"}}).encode()).decode()
    payload = functions.invoke(name, ClientContext=context, Qualifier="1").payload
    remaining = payload.pop()
    stream = payload.pop(5)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}:1"
    assert payload == [name, "1", arn, "256", f"/aws/lambda/{name}", {"who": "Zoë"}, None]
    assert "/[1]" in stream
    assert 6_000 < remaining <= 7_000


def test_a_client_context_that_is_no_json_is_refused(functions: "Cloud") -> None:
    """A client context that cannot be decoded is the caller's error, not the function's."""
    name = functions.create(WHO)
    with pytest.raises(ClientError, match=r"InvalidRequestContentException.*valid Base64-encoded JSON"):
        functions.invoke(name, ClientContext="bm8ganNvbg==")


def test_the_environment_is_lambdas_and_the_functions_own(functions: "Cloud") -> None:
    """The process sees Lambda's variables, AWS_ENDPOINT_URL and its own, and nothing of the shell around LocalStack."""
    name = functions.create(
        "import os, sys\ndef handler(event, context): return [dict(os.environ), os.getcwd(), sys.dont_write_bytecode, sys.path]",
        Environment={"Variables": {"STAGE": "local", "PYTHONPATH": "/own"}},
    )
    variables, folder, no_bytecode, path = functions.invoke(name).payload
    assert set(variables) - {"LC_CTYPE"} == LAMBDAS | {"STAGE"}  # LC_CTYPE: Python's own, where LANG is not installed
    assert variables["AWS_ENDPOINT_URL"] == functions.instance.localstack_url
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert variables["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.13"
    assert variables["STAGE"] == "local"
    assert folder == variables["LAMBDA_TASK_ROOT"] == path[0]
    assert "/own" in path
    assert not any("millrace_local" in entry or "environments/local" in entry for entry in path)
    assert no_bytecode is False


def test_boto3_reaches_localstack_without_settings(functions: "Cloud") -> None:
    """A function's plain boto3 client talks to LocalStack, with the credentials of its own role."""
    name = functions.create(
        "import boto3\ndef handler(event, context): return boto3.client('sts').get_caller_identity()['Arn']", Timeout=30
    )
    assert functions.invoke(name).payload == f"arn:aws:sts::000000000000:assumed-role/r/{name}"


def test_layers_are_on_the_path_and_later_ones_win(functions: "Cloud") -> None:
    """Layers' python folders can be imported, a later layer's file replaces an earlier one's, the function's own wins."""
    layers = [
        functions.publish_layer({"python/one.py": "x = 'first'", "python/two.py": "x = 'first'", "python/app2.py": ""}),
        functions.publish_layer(
            {"python/two.py": "x = 'second'", "python/lib/python3.13/site-packages/three.py": "x = 'second'"}
        ),
    ]
    source = (
        "import one, two, three\n"
        "def handler(event, context): return [one.x, two.x, three.x, one.__cached__ is not None, one.__file__]"
    )
    name = functions.create(source, Layers=layers)
    *values, file = functions.invoke(name).payload
    assert values == ["first", "second", "second", True]
    assert file.endswith("/python/one.py")


def test_environments_run_side_by_side(functions: "Cloud") -> None:
    """Simultaneous invocations have a process each, all answer their own caller, and warm ones are used again."""
    name = functions.create(
        "import os, time\ndef handler(event, context):\n    time.sleep(0.1)\n    return [event, os.getpid()]",
        Timeout=30,
    )
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: functions.invoke(name, number), range(80)))
    assert [answer.payload[0] for answer in answers] == list(range(80))
    assert 1 < len({answer.payload[1] for answer in answers}) <= 8


def test_reserved_concurrency_is_kept(functions: "Cloud") -> None:
    """Above its reserved concurrency an invocation is throttled."""
    name = functions.create("import time\ndef handler(event, context): time.sleep(1)", Timeout=5)
    functions.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)

    def outcome(_: int) -> str:
        try:
            return str(functions.invoke(name).status)
        except ClientError as error:
            return str(error.response["Error"]["Code"])

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(outcome, range(2))) == ["200", "TooManyRequestsException"]


def test_errors_have_awss_shapes(functions: "Cloud") -> None:
    """Timeout, crash, import error and a too large response are Unhandled function errors with AWS's types."""
    source = (
        "import os, time\n"
        "def handler(event, context):\n"
        "    if event == 'sleep': time.sleep(30)\n"
        "    if event == 'exit': os._exit(1)\n"
        "    if event == 'large': return 'x' * 6_291_556\n"
        "    return os.getpid()"
    )
    name = functions.create(source, Timeout=1)
    pids = {functions.invoke(name).payload}
    for event, error_type, message in (
        ("sleep", "Sandbox.Timedout", "RequestId: {} Error: Task timed out after 1.00 seconds"),
        ("exit", "Runtime.ExitError", "RequestId: {} Error: Runtime exited with error: exit status 1"),
        (
            "large",
            "Function.ResponseSizeTooLarge",
            "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
        ),
    ):
        answer = functions.invoke(name, event)
        assert (answer.status, answer.error) == (200, "Unhandled")
        assert answer.payload == {"errorType": error_type, "errorMessage": message.format(answer.request_id)}
        pids.add(functions.invoke(name).payload)
    assert len(pids) == 4


def test_a_function_that_cannot_start_answers_at_once(functions: "Cloud") -> None:
    """An import error is the first invocation's answer, long before LocalStack's startup limit of 20 s."""
    name = functions.create("import no_such_module")
    began = time.monotonic()
    answer = functions.invoke(name)
    assert time.monotonic() - began < 15
    assert (answer.error, answer.payload["errorType"]) == ("Unhandled", "Runtime.ImportModuleError")
    assert "no_such_module" in answer.log


def test_an_unsupported_runtime_says_so_and_can_be_deleted(functions: "Cloud") -> None:
    """It fails when it is created, its state has the reason, and it can be deleted."""
    name = functions.create(WHO, Runtime="nodejs22.x")
    reason = functions.functions.get_function_configuration(FunctionName=name)["StateReason"]
    assert "only python3.13" in reason
    functions.functions.delete_function(FunctionName=name)
    with pytest.raises(functions.functions.exceptions.ResourceNotFoundException):
        functions.functions.get_function(FunctionName=name)


def test_logs_are_in_cloudwatch_line_by_line(functions: "Cloud") -> None:
    """START, every line of output, END and REPORT are events of the log group, in order; the tail is the last 4 KB."""
    name = functions.create(
        "def handler(event, context):\n    for number in range(event): print(f'line {number}')", Timeout=30
    )
    answer = functions.invoke(name, 15_000)
    assert len(answer.log) == 4096
    assert answer.log.splitlines()[-1].startswith(f"REPORT RequestId: {answer.request_id}\tDuration: ")
    wait_until(lambda: any(line.startswith("REPORT") for line in functions.log_lines(name)))
    lines = functions.log_lines(name)
    start = lines.index(f"START RequestId: {answer.request_id} Version: $LATEST")
    assert lines[start + 1 : start + 15_001] == [f"line {number}" for number in range(15_000)]
    assert lines[start + 15_001] == f"END RequestId: {answer.request_id}"


def test_invocations_and_errors_are_counted(functions: "Cloud") -> None:
    """The metrics Invocations and Errors of AWS/Lambda count each invocation once."""
    name = functions.create("def handler(event, context): return 1 / event")
    for event in (1, 0, 1):
        functions.invoke(name, event)
    metrics = functions.client("cloudwatch")

    def total(metric: str) -> float:
        now = time.time()
        dimensions = [{"Name": "FunctionName", "Value": name}]
        period: dict[str, Any] = {"StartTime": now - 600, "EndTime": now + 600, "Period": 60, "Statistics": ["Sum"]}
        points = metrics.get_metric_statistics(
            Namespace="AWS/Lambda", MetricName=metric, Dimensions=dimensions, **period
        )["Datapoints"]
        return float(sum(point["Sum"] for point in points))

    wait_until(lambda: (total("Invocations"), total("Errors")) == (3, 1))


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_change_ends_idle_processes(functions: "Cloud", change: str) -> None:
    """After a function's code is updated, or it is deleted, none of its old processes is left."""
    name = functions.create(WHO)
    pid = functions.invoke(name).payload
    if change == "update":
        functions.update(name, "def handler(event, context): return 'new'")
        assert functions.invoke(name).payload == "new"
    else:
        functions.functions.delete_function(FunctionName=name)
    wait_until(lambda: has_ended(pid))


def test_a_running_invocation_survives_an_update(functions: "Cloud") -> None:
    """What runs when the code is updated finishes on the old code, with its answer and its log."""
    name = functions.create(
        "import time\ndef handler(event, context):\n    time.sleep(1.5)\n    print('old done')\n    return 'old'"
    )
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(functions.invoke, name, Qualifier="$LATEST")
        wait_until(lambda: functions.processes(name))
        functions.update(name, "def handler(event, context): return 'new'")
        assert functions.invoke(name).payload == "new"
        assert running.result().payload == "old"
    wait_until(lambda: "old done" in functions.log_lines(name))
    wait_until(lambda: len(functions.processes(name)) == 1)


def test_provisioned_concurrency_starts_environments_ahead(functions: "Cloud") -> None:
    """A provisioned environment is initialized before its first invocation."""
    name = functions.create(WHO, Publish=True)
    functions.functions.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier="1", ProvisionedConcurrentExecutions=1
    )

    def status() -> str:
        get = functions.functions.get_provisioned_concurrency_config
        return str(get(FunctionName=name, Qualifier="1")["Status"])

    wait_until(lambda: status() == "READY")
    assert "Init Duration" not in functions.invoke(name, Qualifier="1").log


def test_a_hot_reloaded_folder_is_used_where_it_is_and_read_only(functions: "Cloud", tmp_path: Path) -> None:
    """A new environment runs what the developer's folder has by then, and a warm one sees the files as they change."""
    source = "import os, pathlib\ndef handler(event, context):\n    if event: return open('data').read()\n    {}\n"
    (tmp_path / "app.py").write_text(source.format("pathlib.Path('new').touch()"))
    name = functions.create(source, Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)})
    if isolation.namespaces_work(PYTHON):
        assert functions.invoke(name).payload["errorMessage"].startswith("[Errno 30] Read-only file system")
    for content in ("first", "second"):
        (tmp_path / "data").write_text(content)
        assert functions.invoke(name, 1).payload == content
    (tmp_path / "app.py").write_text("def handler(event, context): return 'changed'")
    functions.functions.update_function_configuration(FunctionName=name, Timeout=9)
    functions.wait_until_settled(name)
    assert functions.invoke(name, 1).payload == "changed"


LAMBDAS = {
    "AWS_ACCESS_KEY_ID",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_VERSION",
    "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_RUNTIME_API",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "HOME",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "LANG",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONPATH",
    "TMPDIR",
    "TZ",
    "_HANDLER",
    "_X_AMZN_TRACE_ID",
}


def test_a_functions_code_can_be_downloaded_from_its_address(functions: "Cloud") -> None:
    """GetFunction gives an address with a signature, each function's own."""
    sources = [f"def handler(event, context): return {number}" for number in range(2)]
    names = [functions.create(source) for source in sources]
    found = []
    for name in names:
        archive = httpx.get(functions.functions.get_function(FunctionName=name)["Code"]["Location"]).raise_for_status()
        found.append(zipfile.ZipFile(io.BytesIO(archive.content)).read("app.py").decode())
    assert found == sources
