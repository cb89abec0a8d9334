"""Run the operations of a stack, from the first change to the final status.

Only AWS's states are shown. LocalStack passes through others, which clients take for the end of the operation.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partialmethod
from typing import Any

from localstack.aws.api.cloudformation import ChangeSetType, ResourceStatus, StackResource, StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model_executor import (
    ChangeSetModelExecutor,
    TriggerRollback,
)
from localstack.services.cloudformation.v2.entities import Stack
from localstack.utils.patch import patch
from localstack.utils.threads import start_worker_thread

from millrace_plugin.cloudformation import deletion, rollback, unfinished
from millrace_plugin.cloudformation.options import OPTIONS

Untyped = Any  # LocalStack's executor, stacks and resources

IN_PROGRESS = {
    ChangeSetType.CREATE: StackStatus.ROLLBACK_IN_PROGRESS,
    ChangeSetType.UPDATE: StackStatus.UPDATE_ROLLBACK_IN_PROGRESS,
}
ROLLED_BACK = {
    ChangeSetType.CREATE: StackStatus.ROLLBACK_COMPLETE,
    ChangeSetType.UPDATE: StackStatus.UPDATE_ROLLBACK_COMPLETE,
}
ROLLBACK_FAILED = {
    ChangeSetType.CREATE: StackStatus.ROLLBACK_FAILED,
    ChangeSetType.UPDATE: StackStatus.UPDATE_ROLLBACK_FAILED,
}
FAILED = {StackStatus.CREATE_FAILED, StackStatus.DELETE_FAILED, StackStatus.UPDATE_FAILED}
ENDED = {*ROLLED_BACK.values(), *ROLLBACK_FAILED.values(), *FAILED, StackStatus.DELETE_COMPLETE}
"""The final states of a failed operation, and of the deletion of a stack whose creation failed."""
OF_LOCALSTACK = {*FAILED, StackStatus.CREATE_COMPLETE, StackStatus.UPDATE_COMPLETE, StackStatus.DELETE_COMPLETE}
"""The states that LocalStack sets afterwards, whatever the result."""


def install() -> None:
    Stack.declared, Stack.unfinished, Stack.is_changing = {}, None, False
    patch(ChangeSetModelExecutor.__init__)(_start)
    patch(ChangeSetModelExecutor.execute)(_execute)
    ChangeSetModelExecutor.process = partialmethod(_process, ChangeSetModelExecutor.process)  # inherited from a base
    TriggerRollback.__str__ = lambda _: "Resource update cancelled"  # of one that waited for the one that failed
    patch(Stack.set_stack_status)(_set_stack_status)


def roll_back(stack: Untyped) -> None:
    """Begin to undo the operations of an unfinished stack.

    Raises:
        ValidationError: the stack is not unfinished.
    """
    kind = unfinished.kind(stack)
    stack.set_stack_status(IN_PROGRESS[kind], "User Initiated")

    def run(*_: object) -> None:
        operations = unfinished.restore(stack)
        stack.is_changing = True
        for executor in operations:
            rollback.undo(executor)
        stack.is_changing = False
        _show_resources(stack, stack.resolved_resources)
        failed = any(executor.rollback_failed for executor in operations)
        stack.set_stack_status((ROLLBACK_FAILED if failed else ROLLED_BACK)[kind])

    start_worker_thread(run)


def _start(original: Callable[..., None], executor: Untyped, change_set: Untyped) -> None:
    original(executor, change_set)
    executor.options = OPTIONS.get()
    executor.changes, executor.declared = [], {}
    executor.rollback_failed, executor.failure = False, None
    executor.deleted, executor.undeleted, executor.needed = set(), [], set()


def _execute(original: Callable[[Untyped], Untyped], executor: Untyped) -> Untyped:
    """Run the operation and return its result, which the stack takes over. After a failure that is the old state."""
    change_set = executor._change_set  # noqa: SLF001 - LocalStack's
    stack, deletes = change_set.stack, change_set.stack.status == StackStatus.DELETE_IN_PROGRESS
    if stack.template:
        # LocalStack calls an update by UpdateStack a creation.
        change_set.change_set_type = ChangeSetType.UPDATE
    stack.is_changing = True
    try:
        result = original(executor)
    finally:
        stack.is_changing = False
    if deletes:
        deletion.conclude(executor, result.failure_message)
    elif executor.failure:
        unfinished.take_over(executor, result)
    elif result.failure_message:
        result.resources, result.outputs = stack.resolved_resources, stack.resolved_outputs
        for name in ("resolved_parameters", "template", "processed_template"):
            setattr(change_set, name, getattr(stack, name) or {})
        change_set.template_body = stack.template_body or ""
        _end_rollback(executor)
    else:
        stack.declared = executor.declared
        stack.processed_template = change_set.processed_template  # UpdateStack leaves the old one
        if change_set.change_set_id not in stack.change_set_ids:
            stack.change_set_id = None  # an older one's values would be compared with those of the next change set
    if not deletes:
        _show_resources(stack, result.resources)
    return result


def _process(executor: Untyped, original: Callable[[Untyped], None]) -> None:
    change_set = executor._change_set  # noqa: SLF001 - LocalStack's
    stack = change_set.stack
    if stack.status == StackStatus.DELETE_IN_PROGRESS:
        try:
            original(executor)
        finally:
            unfinished.finish(executor)
            deletion.prepare(executor)
        return
    try:
        original(executor)
    except Exception as error:
        reason = getattr(error, "reason", None) or str(error)
        if executor.options.on_failure == "DO_NOTHING":
            rollback.undo_failed(executor)
            unfinished.record(executor, _summary(stack, change_set.change_set_type) or reason)
            return
        stack.set_stack_status(_first_undo_status(executor), reason)
        executor._deferred_actions.clear()  # noqa: SLF001 - no old resource is deleted
        rollback.undo(executor)
        raise
    unfinished.finish(executor)


def _deletes_after_failure(executor: Untyped) -> bool:
    kind = executor._change_set.change_set_type  # noqa: SLF001 - LocalStack's
    return bool(kind == ChangeSetType.CREATE and executor.options.on_failure == "DELETE")


def _first_undo_status(executor: Untyped) -> StackStatus:
    if _deletes_after_failure(executor):
        return StackStatus.DELETE_IN_PROGRESS
    return IN_PROGRESS[executor._change_set.change_set_type]  # noqa: SLF001 - LocalStack's


def _end_rollback(executor: Untyped) -> None:
    change_set, failed = executor._change_set, executor.rollback_failed  # noqa: SLF001 - LocalStack's
    if _deletes_after_failure(executor):
        status = StackStatus.DELETE_FAILED if failed else StackStatus.DELETE_COMPLETE
        change_set.stack.deletion_time = datetime.now(UTC)
    else:
        status = (ROLLBACK_FAILED if failed else ROLLED_BACK)[change_set.change_set_type]
    change_set.stack.set_stack_status(status)


def _summary(stack: Untyped, kind: ChangeSetType) -> str:
    """Return AWS's sentence about the failed resources, or an empty string if none failed."""
    states = stack.resource_states.items()
    failed = [name for name, state in states if state["ResourceStatus"].endswith("_FAILED")]
    verb = "create" if kind == ChangeSetType.CREATE else "update"
    return f"The following resource(s) failed to {verb}: [{', '.join(failed)}]. " if failed else ""


def _show_resources(stack: Untyped, resources: Untyped) -> None:
    """List the existing resources, and the failed ones while their stack is unfinished.

    LocalStack removes replaced resources from the list once it has deleted the old ones, and keeps those that were never
    created.
    """
    if not stack.unfinished and stack.status not in ROLLBACK_FAILED.values():
        for name, state in list(stack.resource_states.items()):
            if state["ResourceStatus"].endswith("_FAILED"):
                del stack.resource_states[name]
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


def _set_stack_status(
    original: Callable[..., None], stack: Untyped, status: StackStatus, reason: str | None = None
) -> None:
    """Set the status, unless it is one that only LocalStack passes through."""
    under_way = stack.is_changing and not status.endswith("_IN_PROGRESS")
    over = stack.status in ENDED and status in OF_LOCALSTACK and not (status in FAILED and reason)
    if stack.keeps_status or under_way or over or (status == StackStatus.REVIEW_IN_PROGRESS and stack.template):
        return
    original(stack, status, reason)
