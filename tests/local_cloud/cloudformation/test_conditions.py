"""Conditions are decided before LocalStack compares a template with the previous one."""

from typing import Any

import pytest

from millrace_plugin.cloudformation.conditions import absent_references, apply_decisions
from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.cloudformation.templates import returning, with_function

DECISIONS = {"Yes": True, "No": False}
REF = {"Ref": "Other"}


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"A": {"Fn::If": ["Yes", 1, 2]}}, {"A": 1}),
        ({"A": {"Fn::If": ["No", 1, {"Fn::If": ["Yes", REF, 3]}]}}, {"A": REF}),
        ({"A": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "B": 2}, {"B": 2}),
        ({"A": [1, {"Fn::If": ["No", 2, {"Ref": "AWS::NoValue"}]}]}, {"A": [1]}),
        (
            {"A": {"Condition": {"Bool": {"aws:SecureTransport": False}}}},
            {"A": {"Condition": {"Bool": {"aws:SecureTransport": False}}}},
        ),
        ({"A": {"Fn::If": ["Unknown", 1, 2]}}, {"A": {"Fn::If": ["Unknown", 1, 2]}}),
    ],
)
def test_of_a_function_the_branch_is_left_that_its_condition_takes(
    properties: dict[str, Any], expected: dict[str, Any]
) -> None:
    """A condition that the template does not have stays: LocalStack's refusal names it."""
    template = {"Resources": {"One": {"Type": "T", "Properties": properties}}}
    assert apply_decisions(template, DECISIONS)["Resources"]["One"]["Properties"] == expected


def test_resources_and_outputs_are_there_if_their_condition_holds() -> None:
    """What is not there is waited for by nothing."""
    template = {
        "Resources": {
            "Here": {"Type": "T", "Condition": "Yes", "DependsOn": ["Gone", "Also"]},
            "Also": {"Type": "T", "DependsOn": "Gone"},
            "Gone": {"Type": "T", "Condition": "No"},
        },
        "Outputs": {"Here": {"Condition": "Yes", "Value": 1}, "Gone": {"Condition": "No", "Value": 2}},
    }
    left = apply_decisions(template, DECISIONS)
    assert left["Resources"] == {"Here": {"Type": "T", "DependsOn": ["Also"]}, "Also": {"Type": "T", "DependsOn": []}}
    assert left["Outputs"] == {"Here": {"Value": 1}}


def test_a_reference_to_what_is_not_there_is_found() -> None:
    template = {
        "Resources": {"Other": {"Type": "T", "Condition": "No"}, "One": {"Type": "T", "Properties": {"A": REF}}}
    }
    assert absent_references(template, apply_decisions(template, DECISIONS)) == {"Other"}


def test_a_condition_flips_for_resources_that_refer_to_each_other(stack: Stack) -> None:
    """By attribute, in a branch and in an output; LocalStack refuses both directions."""
    arn = {"Fn::GetAtt": ["Queue", "Arn"]}
    mapping = {"FunctionName": {"Ref": "Function"}, "EventSourceArn": arn}
    colour = {"COLOUR": {"Fn::If": ["IsOn", arn, "none"]}}
    template = with_function(
        returning(1),
        {"Environment": {"Variables": colour}},
        Queue={"Type": "AWS::SQS::Queue", "Condition": "IsOn"},
        Mapping={"Type": "AWS::Lambda::EventSourceMapping", "Condition": "IsOn", "Properties": mapping},
        Topic={"Type": "AWS::SNS::Topic", "DependsOn": "Queue"},
    )
    template["Parameters"] = {"On": {"Type": "String"}}
    template["Conditions"] = {"IsOn": {"Fn::Equals": [{"Ref": "On"}, "yes"]}}
    template["Outputs"]["Queue"] = {"Condition": "IsOn", "Value": {"Fn::Sub": "${Queue.Arn}"}}
    for on, status in (("no", "CREATE_COMPLETE"), ("yes", "UPDATE_COMPLETE"), ("no", "UPDATE_COMPLETE")):
        assert stack.deploy(template, On=on) == status
        assert ("Queue" in stack.outputs) is (on == "yes")
        assert ("Mapping" in stack.physical_ids()) is (on == "yes")
        assert stack.invoke() == [1, stack.outputs.get("Queue", "none")]
