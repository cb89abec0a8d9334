"""Aliases and URLs of functions in templates, and refusals of unsupported properties."""

from typing import Any

import pytest

from tests.kit.servers import OFTEN
from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.cloudformation.templates import returning, with_function

NAME = {"Ref": "Function"}
ARN = {"Fn::GetAtt": ["Function", "Arn"]}


def with_alias(**properties: Any) -> dict[str, Any]:  # noqa: ANN401 - properties of a template
    """Return a template of a function, two versions of it, and an alias of the first."""
    version = {"Type": "AWS::Lambda::Version", "Properties": {"FunctionName": NAME}}
    alias = {"FunctionName": NAME, "FunctionVersion": "1", "Name": "live"} | properties
    return with_function(
        returning(1),
        Version=version,
        Alias={"Type": "AWS::Lambda::Alias", "Properties": alias, "DependsOn": "Version"},
    )


def test_an_alias_has_the_weights_of_its_template(stack: Stack) -> None:
    """At its creation and at each update."""
    assert stack.deploy(with_function(returning(1))) == "CREATE_COMPLETE"
    functions, name = stack.client("lambda"), stack.outputs["Function"]
    functions.publish_version(FunctionName=name)
    functions.update_function_configuration(FunctionName=name, Description="second")
    functions.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=OFTEN)

    def weights(*weights: str) -> dict[str, Any]:
        return {"AdditionalVersionWeights": [{"FunctionVersion": "2", "FunctionWeight": weight} for weight in weights]}

    for template, expected in (
        (with_alias(RoutingConfig=weights("0.25")), {"2": 0.25}),
        (with_alias(RoutingConfig=weights("0.5")), {"2": 0.5}),
        (with_alias(), None),
    ):
        assert stack.deploy(template) == "UPDATE_COMPLETE", stack.events[:3]
        alias = functions.get_alias(FunctionName=name, Name="live")
        assert alias.get("RoutingConfig", {}).get("AdditionalVersionWeights") == expected


def test_an_alias_has_the_provisioned_concurrency_of_its_template(stack: Stack) -> None:
    """What SAM makes of ProvisionedConcurrencyConfig."""
    assert (
        stack.deploy(with_alias(ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 1}))
        == "CREATE_COMPLETE"
    )
    functions = stack.client("lambda")
    which = {"FunctionName": stack.outputs["Function"], "Qualifier": "live"}
    stack.deploy(with_alias(ProvisionedConcurrencyConfig={"ProvisionedConcurrentExecutions": 2}))
    found = functions.get_provisioned_concurrency_config(**which)
    assert (found["Status"], found["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 2)
    assert stack.deploy(with_alias()) == "UPDATE_COMPLETE"
    listed = functions.list_provisioned_concurrency_configs(FunctionName=which["FunctionName"])
    assert listed["ProvisionedConcurrencyConfigs"] == []


def test_a_url_has_the_cors_of_its_template(stack: Stack) -> None:
    """Parameters are text, whatever they are used for."""
    cors = {"AllowOrigins": ["*"], "AllowCredentials": {"Ref": "Credentials"}, "MaxAge": {"Ref": "Age"}}
    url = {"TargetFunctionArn": ARN, "AuthType": "NONE", "Cors": cors}
    template = with_function(returning(1), Url={"Type": "AWS::Lambda::Url", "Properties": url})
    template["Parameters"] = {"Credentials": {"Type": "String"}, "Age": {"Type": "Number"}}
    for credentials, age in (("false", "300"), ("true", "0")):
        assert stack.deploy(template, Credentials=credentials, Age=age) in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
        found = stack.client("lambda").get_function_url_config(FunctionName=stack.outputs["Function"])["Cors"]
        assert found == {"AllowOrigins": ["*"], "AllowCredentials": credentials == "true", "MaxAge": int(age)}


@pytest.mark.parametrize(
    ("properties", "words"),
    [
        ({"InvokeMode": "RESPONSE_STREAM"}, "Use BUFFERED"),
        ({"Cors": {"AllowMethods": ["OPTIONS"]}}, "no value of Cors.AllowMethods"),
    ],
)
def test_a_url_that_cannot_be_had_fails_its_stack(stack: Stack, properties: dict[str, Any], words: str) -> None:
    """With the reason."""
    url = {"TargetFunctionArn": ARN, "AuthType": "NONE"} | properties
    stack.deploy(with_function(returning(1), Url={"Type": "AWS::Lambda::Url", "Properties": url}))
    assert words in stack.reason("Url")
