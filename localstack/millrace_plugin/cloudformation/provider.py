"""Extend LocalStack's provider by the parameters of requests that it accepts and ignores."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from localstack.aws.api import CommonServiceException, RequestContext, handler
from localstack.aws.api.cloudformation import StackStatus
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.models import get_cloudformation_store
from localstack.services.cloudformation.v2.provider import (
    CloudformationProviderV2,
    find_change_set_v2,
    find_stack_v2,
)

from millrace_plugin.cloudformation import operations, unfinished
from millrace_plugin.cloudformation.options import OPTIONS, Options

Request = dict[str, Any]
Untyped = Any  # LocalStack's stacks and answers
Operation = Callable[..., Untyped]

REFUSED = {
    "NotificationARNs": "No event of a stack is published locally. Leave it out, and ask DescribeStackEvents",
    "ResourcesToImport": "Existing resources cannot be imported locally. Let the stack make its own",
    "RollbackConfiguration": "No alarm is watched during a local deployment. Leave it out",
    "StackPolicyBody": "A stack policy protects nothing locally. Leave it out, or use DeletionPolicy",
    "StackPolicyURL": "A stack policy protects nothing locally. Leave it out, or use DeletionPolicy",
    "TimeoutInMinutes": "A creation has no time limit locally. Leave it out",
}
"""Parameters that LocalStack accepts without effect, with what to do instead."""
EVENTS_AT_A_TIME = 100
ON_FAILURE = ("ROLLBACK", "DO_NOTHING", "DELETE")


def operation(name: str) -> Callable[[Operation], Operation]:
    """Mark a method as the one that answers the operation *name*."""
    return handler(name, expand=False)  # type: ignore[no-any-return]  # LocalStack's decorator is untyped


class Provider(CloudformationProviderV2):  # type: ignore[misc]  # LocalStack's class is untyped
    @operation("CreateStack")
    def create_stack(self, context: RequestContext, request: Request) -> Untyped:
        _refuse(request)
        with _using(Options(_on_failure(request, "OnFailure"))):
            answer = super().create_stack(context, request)
        stack = _stack(context, answer["StackId"])
        stack.enable_termination_protection = bool(request.get("EnableTerminationProtection"))
        return answer

    @operation("UpdateStack")
    def update_stack(self, context: RequestContext, request: Request) -> Untyped:
        _refuse(request)
        if stack := _stack(context, request.get("StackName")):
            _check_update(stack)
            unfinished.check_update(stack, disables_rollback=bool(request.get("DisableRollback")))
        _fill_in_template(stack, request)
        with _using(Options(_on_failure(request))):
            return super().update_stack(context, request)

    @operation("CreateChangeSet")
    def create_change_set(self, context: RequestContext, request: Request) -> Untyped:
        _refuse(request)
        on_failure = _on_failure(request, "OnStackFailure")
        if stack := _stack(context, request.get("StackName")):
            _check_update(stack)
        _fill_in_template(stack, request)
        if on_failure == "DELETE" and request.get("ChangeSetType") != "CREATE":
            message = "OnStackFailure DELETE is for a change set of type CREATE."
            raise ValidationError(message)
        answer = super().create_change_set(context, request)
        change_set = find_change_set_v2(get_cloudformation_store(context.account_id, context.region), answer["Id"])
        change_set.on_failure = on_failure
        return answer

    @operation("ExecuteChangeSet")
    def execute_change_set(self, context: RequestContext, request: Request) -> Untyped:
        name, stack_name = request["ChangeSetName"], request.get("StackName")
        store = get_cloudformation_store(context.account_id, context.region)
        options = Options()
        if change_set := find_change_set_v2(store, name, stack_name):
            on_failure = "DO_NOTHING" if request.get("DisableRollback") else change_set.on_failure
            unfinished.check_update(change_set.stack, disables_rollback=on_failure == "DO_NOTHING")
            options = Options(on_failure)
        with _using(options):
            return super().execute_change_set(context, name, stack_name)

    @operation("RollbackStack")
    def rollback_stack(self, context: RequestContext, request: Request) -> Untyped:
        """Roll a stack whose rollback was disabled back to its last good state."""
        stack = _existing(context, request["StackName"])
        operations.roll_back(stack)
        return {"StackId": stack.stack_id}

    @operation("DeleteStack")
    def delete_stack(self, context: RequestContext, request: Request) -> None:
        retained, mode = request.get("RetainResources") or [], request.get("DeletionMode") or "STANDARD"
        if stack := _stack(context, request["StackName"]):
            if stack.enable_termination_protection:
                message = f"Stack [{stack.stack_name}] cannot be deleted while TerminationProtection is enabled"
                raise ValidationError(message)
            if (retained or mode != "STANDARD") and stack.status != StackStatus.DELETE_FAILED:
                message = f"RetainResources and DeletionMode are for a stack that is DELETE_FAILED, not {stack.status}."
                raise ValidationError(message)
            if unknown := sorted(set(retained) - stack.resolved_resources.keys()):
                message = f"RetainResources: the stack has no {', '.join(unknown)}."
                raise ValidationError(message)
        options = Options(retained=frozenset(retained), retains_undeletable=mode == "FORCE_DELETE_STACK")
        with _using(options):
            super().delete_stack(context, request["StackName"])

    @operation("DescribeStackEvents")
    def describe_stack_events(self, context: RequestContext, request: Request) -> Untyped:
        """Return a page of events, the newest first. SAM polls them and stops reading at the first known one."""
        events = super().describe_stack_events(context, request.get("StackName"))["StackEvents"]
        first = _find_event(events, request["NextToken"]) if request.get("NextToken") else 0
        answer = {"StackEvents": events[first : first + EVENTS_AT_A_TIME]}
        following = events[first + EVENTS_AT_A_TIME :]
        return answer | ({"NextToken": following[0]["EventId"]} if following else {})

    def _describe_stack(self, stack: Untyped) -> Untyped:
        """Describe a stack without the deletion time that LocalStack gives it after a failed update."""
        described = super()._describe_stack(stack)
        if not stack.status.startswith("DELETE_"):
            described.pop("DeletionTime", None)
        return described


@contextmanager
def _using(options: Options) -> Iterator[None]:
    token = OPTIONS.set(options)
    try:
        yield
    finally:
        OPTIONS.reset(token)


def _on_failure(request: Request, name: str = "") -> str:
    """Return what to do after a failure, from DisableRollback or the parameter *name*.

    Raises:
        ValidationError: both are given, or the value is unknown.
    """
    if name in request and "DisableRollback" in request:
        message = f"You can specify {name} or DisableRollback, but not both."
        raise ValidationError(message)
    on_failure = request.get(name) or ("DO_NOTHING" if request.get("DisableRollback") else "ROLLBACK")
    if on_failure not in ON_FAILURE:
        message = f"Value '{on_failure}' at '{name}' is none of {', '.join(ON_FAILURE)}."
        raise ValidationError(message)
    return str(on_failure)


def _refuse(request: Request) -> None:
    for name, advice in REFUSED.items():
        if request.get(name):
            message = f"{name} has no effect on the local cloud. {advice}."
            raise ValidationError(message)


def _check_update(stack: Untyped) -> None:
    if stack.status in {StackStatus.DELETE_FAILED, StackStatus.DELETE_IN_PROGRESS}:
        message = f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated."
        raise ValidationError(message)


def _fill_in_template(stack: Untyped, request: Request) -> None:
    """Apply UsePreviousTemplate, which LocalStack does not know."""
    if request.pop("UsePreviousTemplate", False) and stack:
        request["TemplateBody"] = stack.template_body


def _stack(context: RequestContext, name: str | None) -> Untyped:
    store = get_cloudformation_store(context.account_id, context.region)
    return find_stack_v2(store, name) if name else None


def _existing(context: RequestContext, name: str) -> Untyped:
    if stack := _stack(context, name):
        return stack
    raise CommonServiceException("ValidationError", f"Stack [{name}] does not exist", 400, sender_fault=True)


def _find_event(events: Sequence[Untyped], identifier: str) -> int:
    """Return an event's index. Raises ValidationError if the stack has no such event."""
    for place, event in enumerate(events):
        if event["EventId"] == identifier:
            return place
    message = f"NextToken {identifier!r} is of no page of this stack's events. Ask without one."
    raise ValidationError(message)
