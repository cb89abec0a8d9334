"""Settings of functions that a local process cannot apply are refused."""

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from millrace_local.instance import ACCOUNT
from millrace_plugin.lambda_runtime.configuration import NotDoneError, check, check_invocation
from tests.kit.servers import wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

SOURCE = "def handler(event, context): return event"
REFUSED = [
    ({"FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:x", "LocalMountPath": "/mnt/x"}]}, "FileSystemConfigs"),
    ({"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {}}}, "CapacityProviderConfig"),
    ({"DurableConfig": {"ExecutionTimeout": 60}}, "DurableConfig"),
    ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "TenancyConfig"),
    ({"SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
    ({"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/x"}}}, "AWS_LAMBDA_EXEC_WRAPPER"),
    ({"PublishTo": "LATEST_PUBLISHED"}, "PublishTo"),
    ({"Timeout": 901}, "from 1 to 900"),
    ({"Timeout": "long"}, "from 1 to 900"),
    ({"MemorySize": "127"}, "from 128 to 10240"),
    ({"EphemeralStorage": {"Size": 10_241}}, "EphemeralStorage.Size"),
    ({"TracingConfig": {"Mode": "On"}}, "TracingConfig.Mode"),
    (
        {"Environment": {"Variables": {"MINE": "1", "AWS_REGION": "x", "LAMBDA_TASK_ROOT": "x"}}},
        "AWS_REGION, LAMBDA_TASK",
    ),
    ({"DeadLetterConfig": {"TargetArn": "arn:aws:s3:::bucket"}}, "DeadLetterConfig.TargetArn"),
    ({"FunctionScalingConfig": {"MinExecutionEnvironments": 1}}, "FunctionScalingConfig"),
    ({"PublishToLatestPublished": True}, "PublishToLatestPublished"),
    ({"LoggingConfig": {"LogFormat": "XML"}}, "LoggingConfig.LogFormat"),
    ({"LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "LOUD"}}, "LoggingConfig.ApplicationLogLevel"),
    ({"LoggingConfig": {"LogFormat": "JSON", "SystemLogLevel": "ERROR"}}, "LoggingConfig.SystemLogLevel"),
    ({"LoggingConfig": {"SystemLogLevel": "WARN"}}, 'LogLevel is not supported when LogFormat is set to "Text"'),
]
DONE: list[dict[str, Any]] = [
    {},
    {"FileSystemConfigs": [], "SnapStart": {"ApplyOn": "None"}, "LoggingConfig": {}},
    {"LoggingConfig": {"LogFormat": "JSON", "ApplicationLogLevel": "TRACE", "SystemLogLevel": "DEBUG"}},
    {"LoggingConfig": {"LogGroup": "/own", "LogFormat": "Text"}},
    {"DeadLetterConfig": {"TargetArn": ""}},
    {"Timeout": "900", "MemorySize": 128, "EphemeralStorage": {"Size": 512}, "TracingConfig": {"Mode": "Active"}},
    {"Environment": {"Variables": {"AWS_ENDPOINT_URL": "x", "PATH": "x", "TZ": "UTC"}}},
    {"DeadLetterConfig": {"TargetArn": "arn:aws:sns:us-east-1:000000000000:topic"}},
]


@pytest.mark.parametrize(("request_", "words"), REFUSED)
def test_what_is_not_done_is_refused(request_: dict[str, Any], words: str) -> None:
    """The message names the parameter."""
    with pytest.raises(NotDoneError, match=words.replace(".", r"\.")):
        check(request_)


@pytest.mark.parametrize("request_", DONE)
def test_what_is_done_is_accepted(request_: dict[str, Any]) -> None:
    """Empty settings ask for nothing."""
    check(request_)


def test_a_level_may_be_changed_where_the_format_is_json_already() -> None:
    """An update is judged together with the configuration that it changes."""
    check({"LoggingConfig": {"SystemLogLevel": "WARN"}}, {"LogFormat": "JSON"})
    with pytest.raises(NotDoneError):
        check({"LoggingConfig": {"LogFormat": "Text", "SystemLogLevel": "WARN"}}, {"LogFormat": "JSON"})


def test_a_dry_run_changes_no_code(functions: "Cloud") -> None:
    """It is refused: LocalStack would take it for an update."""
    name, client = functions.create(SOURCE), functions.functions
    before = client.get_function_configuration(FunctionName=name)["CodeSha256"]
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*DryRun"):
        client.update_function_code(FunctionName=name, ZipFile=b"other", DryRun=True)
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*PublishTo"):
        client.publish_version(FunctionName=name, PublishTo="LATEST_PUBLISHED")
    assert client.get_function_configuration(FunctionName=name)["CodeSha256"] == before


@pytest.mark.parametrize("parameter", ["invocation_type", "log_type"])
def test_a_value_that_invoke_does_not_have_is_refused(parameter: str) -> None:
    """It would be taken for the default."""
    with pytest.raises(NotDoneError, match=f"Event is no value of {parameter}|Tail is no value of {parameter}"):
        check_invocation({parameter: "Tail" if parameter == "invocation_type" else "Event"})


@pytest.mark.parametrize("parameter", ["tenant_id", "durable_execution_name"])
def test_a_parameter_of_invoke_without_effect_is_refused(parameter: str) -> None:
    """A tenant or a durable execution that nobody would see is refused, not dropped."""
    with pytest.raises(NotDoneError):
        check_invocation({parameter: "x"})
    check_invocation({parameter: None})


def test_the_api_refuses_and_makes_nothing(functions: "Cloud") -> None:
    """CreateFunction and UpdateFunctionConfiguration answer InvalidParameterValueException, and change nothing."""
    name = functions.create(SOURCE)
    client = functions.functions
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*SnapStart"):
        functions.create(SOURCE, SnapStart={"ApplyOn": "PublishedVersions"})
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*LogLevel is not supported"):
        client.update_function_configuration(FunctionName=name, Timeout=9, LoggingConfig={"SystemLogLevel": "WARN"})
    assert client.get_function_configuration(FunctionName=name)["Timeout"] == 3
    client.update_function_configuration(FunctionName=name, LoggingConfig={"LogFormat": "JSON"})
    functions.wait_until_settled(name)
    client.update_function_configuration(FunctionName=name, LoggingConfig={"SystemLogLevel": "WARN"})
    with pytest.raises(ClientError, match=r"InvalidParameterValueException.*TenantId"):
        functions.invoke(name, TenantId="t")


def test_a_template_is_refused_too(functions: "Cloud") -> None:
    """CloudFormation passes on only a part of a function's properties: the others fail the stack, and say why."""
    formation = functions.client("cloudformation")
    properties = {
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Role": f"arn:aws:iam::{ACCOUNT}:role/r",
        "Code": {"ZipFile": SOURCE},
        "FileSystemConfigs": [{"Arn": "arn:aws:elasticfilesystem:x", "LocalMountPath": "/mnt/x"}],
    }
    template = {"Resources": {"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}}}
    stack = f"s-{uuid.uuid4().hex[:12]}"
    formation.create_stack(StackName=stack, TemplateBody=json.dumps(template))

    def status() -> str:
        return str(formation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])

    wait_until(lambda: status() not in ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS"), seconds=60)
    assert status() in ("CREATE_FAILED", "ROLLBACK_COMPLETE")
    events = formation.describe_stack_events(StackName=stack)["StackEvents"]
    assert any("FileSystemConfigs is not supported" in event.get("ResourceStatusReason", "") for event in events)
