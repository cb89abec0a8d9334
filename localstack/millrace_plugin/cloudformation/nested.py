"""Update and roll back nested stacks with their parent."""

import time
from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.cloudformation.resource_providers.aws_cloudformation_stack import (
    REPEATED_INVOCATION,
    CloudFormationStackProvider,
)
from localstack.utils.patch import patch

from millrace_plugin.cloudformation.differences import Model
from millrace_plugin.cloudformation.updates import IN_PLACE

Untyped = Any  # LocalStack's providers and requests
CAPABILITIES = ["CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"]
POLL_SECONDS = 0.5


class NestedStackError(Exception):
    """The nested stack's operation failed. The message has its resources' reasons."""


def install() -> None:
    patch(CloudFormationStackProvider.create)(_create)
    patch(CloudFormationStackProvider.delete)(_delete)
    IN_PLACE["AWS::CloudFormation::Stack"] = _update


def _create(original: Callable[..., Untyped], provider: Untyped, request: Untyped) -> Untyped:
    if not request.custom_context.get(REPEATED_INVOCATION):
        return original(provider, request)
    model, cloudformation = request.desired_state, request.aws_client_factory.cloudformation
    try:
        outputs = _wait(cloudformation, model["Id"], "CREATE_COMPLETE")
    except NestedStackError as error:
        # Failed with its id, so that the rest of it can be deleted.
        return ProgressEvent(OperationStatus.FAILED, resource_model=model, message=str(error))
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=model | {"Outputs": outputs})


def _delete(original: Callable[..., Untyped], provider: Untyped, request: Untyped) -> Untyped:
    """Delete the nested stack. If that fails, its parent shows the reason."""
    event = original(provider, request)
    if event.status == OperationStatus.FAILED:
        reasons = _reasons(request.aws_client_factory.cloudformation, request.desired_state["Id"])
        event.message = f"The nested stack is DELETE_FAILED: {reasons}"
    return event


def _update(request: Untyped) -> Model:
    new: Model = request.desired_state
    stack, cloudformation = request.previous_state["Id"], request.aws_client_factory.cloudformation
    parameters = [
        {"ParameterKey": key, "ParameterValue": str(value)} for key, value in (new.get("Parameters") or {}).items()
    ]
    complete = ["CREATE_COMPLETE", "UPDATE_COMPLETE"]
    try:
        cloudformation.update_stack(
            StackName=stack, TemplateURL=new["TemplateURL"], Parameters=parameters, Capabilities=CAPABILITIES
        )
    except cloudformation.exceptions.ClientError as error:
        if "No updates are to be performed" not in str(error):
            raise
        complete.append("UPDATE_ROLLBACK_COMPLETE")  # it was rolled back already
    return new | {"Outputs": _wait(cloudformation, stack, *complete)}


def _wait(cloudformation: Untyped, name: str, *complete: str) -> dict[str, str]:
    """Wait until the stack's operation has ended. Returns its outputs.

    Raises:
        NestedStackError: its status is none of *complete*.
    """
    while True:
        [stack] = cloudformation.describe_stacks(StackName=name)["Stacks"]
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            break
        time.sleep(POLL_SECONDS)
    if stack["StackStatus"] not in complete:
        raise NestedStackError(f"The nested stack is {stack['StackStatus']}: {_reasons(cloudformation, name)}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _reasons(cloudformation: Untyped, name: str) -> str:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=name)
    events = [event for page in pages for event in page["StackEvents"]]
    failed = [
        event for event in events if event["ResourceStatus"].endswith("_FAILED") and "ResourceStatusReason" in event
    ]
    return "; ".join(f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in reversed(failed))
