"""What CloudFormation tells of a stack while it changes."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.stub import Stubber

from millrace_local.deployment import aws, stack
from millrace_local.instance import STACK
from tests.kit.servers import free_instance


def test_a_function_that_is_being_created_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no name yet: whoever asks for the state meanwhile is told of the others."""
    instance = free_instance(tmp_path)
    cloudformation = aws.client(instance, "cloudformation")
    monkeypatch.setattr(aws, "client", lambda *_: cloudformation)
    now = datetime.now(UTC)
    made = {"ResourceType": "AWS::Lambda::Function", "LastUpdatedTimestamp": now}
    resources = [
        {**made, "LogicalResourceId": "A", "PhysicalResourceId": "a-1", "ResourceStatus": "CREATE_COMPLETE"},
        {**made, "LogicalResourceId": "B", "ResourceStatus": "CREATE_IN_PROGRESS"},
    ]
    whole = {"StackName": STACK, "StackStatus": "CREATE_IN_PROGRESS", "CreationTime": now}
    with Stubber(cloudformation) as answers:
        answers.add_response("describe_stacks", {"Stacks": [whole]})
        answers.add_response("list_stack_resources", {"StackResourceSummaries": resources})

        assert stack.function_names(instance) == {"A": "a-1"}
