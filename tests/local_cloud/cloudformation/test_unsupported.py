"""A type that LocalStack does not have is refused where its value would be used, and left out elsewhere."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.local_cloud.cloudformation.stacks import Stack

HTTP_API = {"Type": "AWS::ApiGatewayV2::Api", "Properties": {"Name": "http", "ProtocolType": "HTTP"}}
TOPIC = {"Type": "AWS::SNS::Topic"}


def test_it_is_left_out_if_nothing_refers_to_it(stack: Stack) -> None:
    """The rest is deployed, and the resource's event says what happened."""
    assert stack.deploy({"Resources": {"Topic": TOPIC, "Api": HTTP_API}}) == "CREATE_COMPLETE"
    [said] = [event for event in stack.events if event.get("ResourceStatusReason", "").startswith("Resource type")]
    assert said["LogicalResourceId"] == "Api"


@pytest.mark.parametrize(
    "used",
    [
        {"Outputs": {"Url": {"Value": {"Fn::Sub": "https://${Api}.example"}}}},
        {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Api"}}}}},
    ],
)
def test_it_is_refused_by_name_if_its_value_is_used(stack: Stack, used: dict[str, Any]) -> None:
    """The change set fails, the reason says what to use, and the stack stays as it was."""
    stack.deploy({"Resources": {"Topic": TOPIC}})
    template = {"Resources": {"Topic": TOPIC, **used.get("Resources", {}), "Api": HTTP_API}}
    refused = stack.deploy(template | {"Outputs": used.get("Outputs", {})})
    assert "Api (AWS::ApiGatewayV2::Api): the local cloud does not have this type" in refused
    assert "`Type: Api`" in refused
    assert stack.status == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="the local cloud does not have this type"):
        stack.update(template | {"Outputs": used.get("Outputs", {})})


def test_a_template_that_cannot_be_transformed_leaves_the_stack_as_it_was(stack: Stack) -> None:
    """The change set says what is wrong with it, and the next one is deployed; a new stack can still be created."""
    wrong = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Resources": {"Hello": {"Type": "AWS::Serverless::Function", "Properties": {"Events": []}}},
    }
    assert "Hello" in stack.deploy(wrong)
    assert stack.deploy({"Resources": {"Topic": TOPIC}}) == "CREATE_COMPLETE"
    assert "Hello" in stack.deploy(wrong)
    assert stack.status == "CREATE_COMPLETE"
    assert stack.deploy({"Resources": {"Topic": TOPIC, "Other": TOPIC}}) == "UPDATE_COMPLETE"


def test_a_reference_under_a_condition_that_is_false_is_none(stack: Stack) -> None:
    """Such a template deploys locally, and is refused once the condition holds."""
    template = {
        "Parameters": {"Where": {"Type": "String"}},
        "Conditions": {"IsAws": {"Fn::Equals": [{"Ref": "Where"}, "aws"]}},
        "Resources": {
            "Api": HTTP_API | {"Condition": "IsAws"},
            "Topic": {
                "Type": "AWS::SNS::Topic",
                "Properties": {"DisplayName": {"Fn::If": ["IsAws", {"Ref": "Api"}, "here"]}},
            },
        },
        "Outputs": {"Api": {"Condition": "IsAws", "Value": {"Ref": "Api"}}},
    }
    assert stack.deploy(template, Where="here") == "CREATE_COMPLETE"
    assert "AWS::ApiGatewayV2::Api" in stack.deploy(template, Where="aws")
