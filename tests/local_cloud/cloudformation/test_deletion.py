"""A stack is deleted once all its resources are. Until then it names the undeletable ones."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from millrace_local.instance import ACCOUNT
from tests.local_cloud.cloudformation.stacks import Stack

TOPIC = {"Type": "AWS::SNS::Topic"}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}


class Attached:
    """A managed policy of a stack that is attached to a user outside of it, so that IAM refuses to delete it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.arn = f"arn:aws:iam::{ACCOUNT}:policy/{stack.name}"
        self._iam = stack.client("iam")
        self._user = f"user-{uuid4().hex[:8]}"
        self._iam.create_user(UserName=self._user)

    @property
    def template(self) -> dict[str, Any]:
        """Return a template of a queue, and a policy with the topic that it refers to."""
        document = {"PolicyDocument": POLICY, "ManagedPolicyName": self.stack.name, "Description": {"Ref": "Needed"}}
        policy = {"Type": "AWS::IAM::ManagedPolicy", "Properties": document}
        queue = {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": self.stack.name}}
        return {"Resources": {"Queue": queue, "Needed": TOPIC, "Policy": policy}}

    def attach(self) -> None:
        self._iam.attach_user_policy(UserName=self._user, PolicyArn=self.arn)

    def detach(self) -> None:
        for policy in self._iam.list_attached_user_policies(UserName=self._user)["AttachedPolicies"]:
            self._iam.detach_user_policy(UserName=self._user, PolicyArn=policy["PolicyArn"])

    def is_there(self) -> bool:
        policies = self._iam.list_policies(Scope="Local")["Policies"]
        return self.arn in [policy["Arn"] for policy in policies]


@pytest.fixture
def attached(stack: Stack) -> Iterator[Attached]:
    attached = Attached(stack)
    yield attached
    attached.detach()


def delete(stack: Stack, **options: object) -> str:
    stack.client("cloudformation").delete_stack(StackName=stack.name, **options)
    return stack.wait()


def test_a_stack_says_what_could_not_be_deleted_and_a_second_deletion_goes_on(attached: Attached) -> None:
    """What the undeleted resource refers to stays with it, the rest is gone."""
    stack = attached.stack
    stack.deploy(attached.template)
    attached.attach()
    assert delete(stack) == "DELETE_FAILED"
    assert "[Policy]" in stack.status_reason
    assert "DeleteConflict" in stack.reason("Policy")
    assert stack.statuses[-2:] == ["DELETE_IN_PROGRESS", "DELETE_FAILED"]
    assert stack.physical_ids().keys() == {"Needed", "Policy"}
    assert stack.queues() == []
    with pytest.raises(ClientError, match="DELETE_FAILED state and can not be updated"):
        stack.update({"Resources": {}})

    attached.detach()
    assert delete(stack) == "None"
    assert not attached.is_there()


@pytest.mark.parametrize("options", [{"RetainResources": ["Policy"]}, {"DeletionMode": "FORCE_DELETE_STACK"}])
def test_what_cannot_be_deleted_can_be_retained(attached: Attached, options: dict[str, object]) -> None:
    """AWS takes these options once a deletion has failed."""
    stack = attached.stack
    stack.deploy(attached.template)
    attached.attach()
    with pytest.raises(ClientError, match="DELETE_FAILED, not CREATE_COMPLETE"):
        delete(stack, **options)
    assert delete(stack) == "DELETE_FAILED"
    assert delete(stack, **options) == "None"
    assert attached.is_there()


def test_a_resource_that_is_retained_except_on_create_outlives_its_stack(stack: Stack) -> None:
    """LocalStack knows Retain alone."""
    queue = {
        "Type": "AWS::SQS::Queue",
        "DeletionPolicy": "RetainExceptOnCreate",
        "Properties": {"QueueName": stack.name},
    }
    stack.deploy({"Resources": {"Queue": queue}})
    assert delete(stack) == "None"
    assert stack.queues() == [stack.name]
    stack.client("sqs").delete_queue(QueueUrl=stack.client("sqs").get_queue_url(QueueName=stack.name)["QueueUrl"])


def test_a_nested_stack_that_cannot_be_deleted_keeps_its_parent(attached: Attached) -> None:
    """The parent's event has the reason of the nested resource."""
    stack = attached.stack
    s3 = stack.client("s3")
    s3.create_bucket(Bucket=stack.name)
    s3.put_object(Bucket=stack.name, Key="inner.json", Body=json.dumps(attached.template))
    url = f"{stack.instance.localstack_url}/{stack.name}/inner.json"
    nested = {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}
    assert stack.deploy({"Resources": {"Nested": nested}}) == "CREATE_COMPLETE"
    attached.attach()
    assert delete(stack) == "DELETE_FAILED"
    assert "DeleteConflict" in stack.reason("Nested")
    attached.detach()
    assert delete(stack) == "None"
    assert not attached.is_there()
