"""Undo a create or an update of a stack that failed, as AWS does.

LocalStack stops at the resource that failed, forgets those it had not visited, takes over the new template and deletes
what the new template no longer has. Here every change is noted before it is made, and undone in reverse order.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstack.aws.api.cloudformation import ChangeAction, ChangeSetType, ResourceStatus, StackResource, StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    ChangeSetModelExecutor,
    TriggerRollback,
)
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import PreprocProperties
from localstack.services.cloudformation.resource_provider import OperationStatus
from localstack.services.cloudformation.v2.entities import Stack
from localstack.utils.patch import patch

from millrace_local.cloudformation.refusals import CANNOT_UPDATE

LOG = logging.getLogger(__name__)
Untyped = Any  # LocalStack's executor, stacks and resources

IN_PROGRESS = {
    ChangeSetType.CREATE: StackStatus.ROLLBACK_IN_PROGRESS,
    ChangeSetType.UPDATE: StackStatus.UPDATE_ROLLBACK_IN_PROGRESS,
}
FAILED = {
    ChangeSetType.CREATE: StackStatus.ROLLBACK_FAILED,
    ChangeSetType.UPDATE: StackStatus.UPDATE_ROLLBACK_FAILED,
}
ROLLED_BACK = {
    StackStatus.ROLLBACK_COMPLETE,
    StackStatus.ROLLBACK_FAILED,
    StackStatus.UPDATE_ROLLBACK_COMPLETE,
    StackStatus.UPDATE_ROLLBACK_FAILED,
}
AFTER_AN_OPERATION = {
    StackStatus.CREATE_COMPLETE,
    StackStatus.CREATE_FAILED,
    StackStatus.UPDATE_COMPLETE,
    StackStatus.UPDATE_FAILED,
}


@dataclass(frozen=True)
class Change:
    """One resource before and after, in LocalStack's own types; *old* is what was deployed, None for a new one."""

    name: str
    before: Untyped
    after: Untyped
    old: Untyped


def install() -> None:
    patch(ChangeSetModelExecutor.execute)(_execute)
    ChangeSetModelExecutor.process = _rolled_back(ChangeSetModelExecutor.process)
    patch(ChangeSetModelExecutor._execute_resource_change)(_note_change)  # noqa: SLF001 - the engine's one place of change
    TriggerRollback.__str__ = lambda _: "Resource update cancelled"  # of one that waited for the one that failed
    patch(Stack.set_stack_status)(_set_stack_status)


def _execute(original: Callable[[Untyped], Untyped], executor: Untyped) -> Untyped:
    """Leave a stack whose operation failed as it was. The result says what the stack takes over."""
    change_set = executor._change_set  # noqa: SLF001 - LocalStack's
    stack = change_set.stack
    deleting = stack.status == StackStatus.DELETE_IN_PROGRESS
    if stack.template:
        # LocalStack calls an update by UpdateStack a creation.
        change_set.change_set_type = ChangeSetType.UPDATE
    result = original(executor)
    if result.failure_message and not deleting:
        if executor.rollback_failed:
            stack.set_stack_status(FAILED[change_set.change_set_type])
        result.resources, result.outputs = stack.resolved_resources, stack.resolved_outputs
        for name in ("resolved_parameters", "template", "processed_template"):
            setattr(change_set, name, getattr(stack, name) or {})
        change_set.template_body = stack.template_body or ""
    elif not deleting:
        stack.processed_template = change_set.processed_template  # UpdateStack leaves the old one
        _show_replacements(stack, result.resources)
    return result


def _show_replacements(stack: Untyped, resources: Untyped) -> None:
    """List the resources that were replaced. LocalStack strikes them off once it has deleted the old ones."""
    for name, resource in resources.items():
        if name not in stack.resource_states and resource.get("PhysicalResourceId"):
            stack.resource_states[name] = StackResource(
                StackName=stack.stack_name,
                StackId=stack.stack_id,
                LogicalResourceId=name,
                PhysicalResourceId=resource["PhysicalResourceId"],
                ResourceType=resource["Type"],
                Timestamp=resource["LastUpdatedTimestamp"],
                ResourceStatus=ResourceStatus.UPDATE_COMPLETE,
            )


def _rolled_back(process: Callable[[Untyped], None]) -> Callable[[Untyped], None]:
    def run(executor: Untyped) -> None:
        executor.changes, executor.rollback_failed = [], False
        change_set = executor._change_set  # noqa: SLF001 - LocalStack's
        if change_set.stack.status == StackStatus.DELETE_IN_PROGRESS:
            process(executor)
            return
        change_set.stack.is_changing = True
        try:
            process(executor)
        except Exception as error:
            reason = getattr(error, "reason", None) or str(error)
            change_set.stack.set_stack_status(IN_PROGRESS[change_set.change_set_type], reason)
            executor._deferred_actions.clear()  # noqa: SLF001 - nothing that was there is deleted
            _undo(executor)
            raise
        finally:
            change_set.stack.is_changing = False

    return run


def _note_change(original: Callable[..., None], executor: Untyped, name: str, before: Untyped, after: Untyped) -> None:
    old = executor._change_set.stack.resolved_resources.get(name)  # noqa: SLF001 - LocalStack's
    executor.changes.append(Change(name, before, after, old))
    original(executor, name, before, after)


def _undo(executor: Untyped) -> None:
    for change in reversed(executor.changes):
        try:
            if is_nothing(change.before):
                _remove(executor, change)
            elif not is_nothing(change.after):
                _restore(executor, change)
        except Exception:  # the others are undone all the same, and the stack says that the rollback failed
            LOG.exception("The change of %s could not be undone.", change.name)
            executor.rollback_failed = True


def _remove(executor: Untyped, change: Change) -> None:
    """Delete what was created in vain."""
    if model := executor.resources.get(change.name, {}).get("Properties"):
        _act(executor, change, ChangeAction.Remove, change.after.resource_type, model, None)
    executor.resources.pop(change.name, None)
    executor._change_set.stack.resource_states.pop(change.name, None)  # noqa: SLF001 - LocalStack's


def _restore(executor: Untyped, change: Change) -> None:
    """Delete a replacement, or update the resource to what it was."""
    new = executor.resources.get(change.name, {})
    executor.resources[change.name] = change.old
    if change.after.requires_replacement or change.before.resource_type != change.after.resource_type:
        replaced = new.get("PhysicalResourceId") != change.old.get("PhysicalResourceId")
        if replaced and (model := new.get("Properties")):
            _act(executor, change, ChangeAction.Remove, change.after.resource_type, model, None)
        _event(executor, change, ChangeAction.Modify, OperationStatus.SUCCESS)
    elif CANNOT_UPDATE in (new.get("ResourceStatusReason") or ""):
        _event(executor, change, ChangeAction.Modify, OperationStatus.SUCCESS)  # nothing was done
    else:
        # An update that failed may have been made in part.
        current = change.old["Properties"] | (new.get("Properties") or change.after.properties.properties)
        wanted = change.before.properties.properties
        _act(executor, change, ChangeAction.Modify, change.before.resource_type, current, wanted)
        executor.resources[change.name] = change.old


def _act(  # noqa: PLR0913, PLR0917 - what the engine's own method takes
    executor: Untyped, change: Change, action: ChangeAction, resource_type: str, current: Untyped, wanted: Untyped
) -> None:
    _event(executor, change, action, OperationStatus.IN_PROGRESS)
    event = executor._execute_resource_action(  # noqa: SLF001 - the engine's only way
        action=action,
        logical_resource_id=change.name,
        resource_type=resource_type,
        before_properties=PreprocProperties(properties=current),
        after_properties=None if wanted is None else PreprocProperties(properties=wanted),
        part_of_replacement=True,
    )
    executor.rollback_failed |= event.status == OperationStatus.FAILED
    _event(executor, change, action, event.status, event.message or None)


def _event(
    executor: Untyped, change: Change, action: ChangeAction, status: OperationStatus, reason: str | None = None
) -> None:
    executor._process_event(  # noqa: SLF001 - as above
        action=action,
        logical_resource_id=change.name,
        event_status=status,
        resource_type=(change.before if is_nothing(change.after) else change.after).resource_type,
        reason=reason,
    )


def _set_stack_status(
    original: Callable[..., None], stack: Untyped, status: StackStatus, reason: str | None = None
) -> None:
    """Leave out the states that LocalStack passes through and AWS does not: clients take them for the end."""
    under_way = getattr(stack, "is_changing", False) and status in AFTER_AN_OPERATION
    over = stack.status in ROLLED_BACK and status in AFTER_AN_OPERATION
    if under_way or over or (status == StackStatus.REVIEW_IN_PROGRESS and stack.template):
        return
    original(stack, status, reason)
