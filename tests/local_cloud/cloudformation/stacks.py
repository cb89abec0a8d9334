"""Deploy stacks on a real LocalStack with our plugin, by change sets as SAM and CDK do."""

import json
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import boto3
from botocore.config import Config

from millrace_local.instance import ACCOUNT, REGION, Instance
from tests.kit.servers import wait_until

Template = dict[str, Any]
Client = Any  # boto3 makes its clients at run time: they have no types


@dataclass
class Stack:
    """A stack of its own name. `history` has the statuses that clients saw during the last operation."""

    instance: Instance
    name: str = field(default_factory=lambda: f"stack-{uuid4().hex[:8]}")

    def client(self, service: str) -> Client:
        keys = {"aws_access_key_id": ACCOUNT, "aws_secret_access_key": "local", "region_name": REGION}
        settings = Config(retries={"max_attempts": 1})
        return boto3.client(service, endpoint_url=self.instance.localstack_url, config=settings, **keys)

    def deploy(self, template: Template, *, disable_rollback: bool = False, **parameters: str) -> str:
        """Create or update the stack. Returns its status at the end, or why the change set was refused."""
        cloudformation, name = self.client("cloudformation"), f"change-{uuid4().hex[:8]}"
        made = cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType="CREATE" if self.status in {None, "REVIEW_IN_PROGRESS"} else "UPDATE",
            TemplateBody=json.dumps(template),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
            Capabilities=["CAPABILITY_IAM"],
        )
        described = cloudformation.describe_change_set(ChangeSetName=made["Id"])
        if described["Status"] == "FAILED":
            return str(described["StatusReason"])
        options = {"DisableRollback": True} if disable_rollback else {}
        cloudformation.execute_change_set(ChangeSetName=made["Id"], **options)
        return self.wait()

    def create(self, template: Template, **options: object) -> None:
        """Begin to create the stack by CreateStack, which has no change set."""
        body = json.dumps(template)
        self.client("cloudformation").create_stack(StackName=self.name, TemplateBody=body, **options)

    def update(self, template: Template) -> str:
        """Update by UpdateStack, which has no change set."""
        self.client("cloudformation").update_stack(StackName=self.name, TemplateBody=json.dumps(template))
        return self.wait()

    def wait(self) -> str:
        wait_until(lambda: not str(self.status).endswith("_IN_PROGRESS"), seconds=120, what=f"{self.name} to be done")
        return str(self.status)

    @property
    def status(self) -> str | None:
        stacks = self.client("cloudformation").describe_stacks()["Stacks"]
        found = (stack["StackStatus"] for stack in stacks if stack["StackName"] == self.name)
        return next((str(status) for status in found if status != "DELETE_COMPLETE"), None)

    @property
    def status_reason(self) -> str:
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return str(stack["StackStatusReason"])

    @property
    def outputs(self) -> dict[str, str]:
        [stack] = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    @property
    def statuses(self) -> list[str]:
        """Return every status that the stack had, the oldest first."""
        return [event["ResourceStatus"] for event in reversed(self.events) if event["LogicalResourceId"] == self.name]

    @property
    def events(self) -> list[dict[str, Any]]:
        pages = self.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=self.name)
        return [event for page in pages for event in page["StackEvents"]]

    def reason(self, resource: str) -> str:
        """Return why *resource* failed last."""
        failed = (event for event in self.events if event["ResourceStatus"].endswith("_FAILED"))
        return next(str(event["ResourceStatusReason"]) for event in failed if event["LogicalResourceId"] == resource)

    def physical_ids(self) -> dict[str, str]:
        """Return the physical ids of the existing resources, also of those whose last change failed."""
        resources = self.client("cloudformation").describe_stack_resources(StackName=self.name)["StackResources"]
        made = (each for each in resources if "PhysicalResourceId" in each)
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in made}

    def queues(self) -> list[str]:
        """Return the names of the queues that begin with the stack's name."""
        urls = self.client("sqs").list_queues(QueueNamePrefix=self.name).get("QueueUrls", [])
        return sorted(url.rpartition("/")[2] for url in urls)

    def invoke(self, qualifier: str = "$LATEST") -> object:
        """Invoke the function that the output `Function` names. Returns its result."""
        answer = self.client("lambda").invoke(FunctionName=self.outputs["Function"], Qualifier=qualifier)
        return json.loads(answer["Payload"].read())

    def delete(self) -> None:
        self.client("cloudformation").delete_stack(StackName=self.name)
        wait_until(lambda: self.status is None, seconds=60, what=f"{self.name} to be gone")
