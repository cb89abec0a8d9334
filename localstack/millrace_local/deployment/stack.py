"""The application's stack on the local CloudFormation: its status, its failures and what it created."""

import contextlib
import itertools
from typing import Any

from botocore.exceptions import BotoCoreError

from millrace_local.deployment import aws
from millrace_local.instance import STACK, Instance
from millrace_local.problems import LocalCloudError

WHOLE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
SERVING = (*WHOLE, "UPDATE_ROLLBACK_COMPLETE")
"""With these the application works: a failed update leaves it as it was."""
BROKEN = ("CREATE_FAILED", "DELETE_FAILED", "ROLLBACK_FAILED", "UPDATE_FAILED", "UPDATE_ROLLBACK_FAILED")
FAILED = (*BROKEN, "ROLLBACK_COMPLETE")
UNDER_WAY = (
    "CREATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "ROLLBACK_IN_PROGRESS",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
)


class DeploymentError(LocalCloudError):
    """The template could not be built or deployed; the message names the resource that failed and why."""


class CannotUpdateError(DeploymentError):
    """LocalStack cannot change an existing resource; a new LocalStack can create it."""


def status(cloudformation: Any) -> str | None:  # noqa: ANN401 - a boto3 client
    """Return CloudFormation's status of the application's stack, or None if there is none or it was deleted."""
    stacks = cloudformation.describe_stacks()["Stacks"]
    found = [stack["StackStatus"] for stack in stacks if stack["StackName"] == STACK]
    return next((str(status) for status in found if status != "DELETE_COMPLETE"), None)


def reasons(instance: Instance) -> str:
    """Return the resources that failed in the stack's last operation, each with CloudFormation's reason."""
    cloudformation = aws.client(instance, "cloudformation")
    with contextlib.suppress(BotoCoreError, cloudformation.exceptions.ClientError):
        pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=STACK)
        events = (event for page in pages for event in page["StackEvents"])
        last = itertools.takewhile(lambda event: not _is_start(event), events)
        failed = [event for event in last if event["ResourceStatus"].endswith("_FAILED")]
        found = [_reason(event) for event in reversed(failed) if event.get("ResourceStatusReason")]
        if found:
            return "\n".join(["The deployment failed:", *dict.fromkeys(found)])
    return ""


def _is_start(event: dict[str, str]) -> bool:
    starts = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")
    return event["LogicalResourceId"] == STACK and event["ResourceStatus"] in starts


def _reason(event: dict[str, str]) -> str:
    return f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event['ResourceStatusReason']}"


def output(instance: Instance, name: str) -> str:
    """Return the value of an output of the template."""
    [stack] = aws.client(instance, "cloudformation").describe_stacks(StackName=STACK)["Stacks"]
    return next(str(each["OutputValue"]) for each in stack["Outputs"] if each["OutputKey"] == name)


def function_names(instance: Instance) -> dict[str, str]:
    """Return the deployed name of each of the application's functions, by its logical id in `template.yaml`."""
    cloudformation = aws.client(instance, "cloudformation")
    return {} if status(cloudformation) is None else functions_of(cloudformation, STACK)


def functions_of(cloudformation: Any, stack: str) -> dict[str, str]:  # noqa: ANN401 - a boto3 client
    """Return the deployed name of each function of *stack*, by its logical id.

    A resource whose creation is under way has no name yet.
    """
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
    resources = (resource for page in pages for resource in page["StackResourceSummaries"])
    functions = (resource for resource in resources if resource["ResourceType"] == "AWS::Lambda::Function")
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in functions if "PhysicalResourceId" in each}
