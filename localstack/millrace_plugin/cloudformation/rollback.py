"""Undo a failed creation or update of a stack, as AWS does.

LocalStack stops at the failed resource and forgets those it had not visited. It takes over the new template and deletes
what that no longer has. Here every change is recorded before it is made, and undone in reverse sequence.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from localstack.aws.api.cloudformation import ChangeAction
from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import DeletionPolicy, PreprocProperties
from localstack.services.cloudformation.resource_provider import OperationStatus
from localstack.utils.patch import patch

from millrace_plugin.cloudformation.refusals import CANNOT_UPDATE

LOG = logging.getLogger(__name__)
Untyped = Any  # LocalStack's executor, stacks and resources


@dataclass(frozen=True)
class Change:
    """One resource before and after, in LocalStack's own types. *old* is what was deployed, None for a new one."""

    name: str
    before: Untyped
    after: Untyped
    old: Untyped


def install() -> None:
    patch(ChangeSetModelExecutor._execute_resource_change)(_record_change)  # noqa: SLF001 - the engine's one place of change


def _record_change(
    original: Callable[..., None], executor: Untyped, name: str, before: Untyped, after: Untyped
) -> None:
    old = executor._change_set.stack.resolved_resources.get(name)  # noqa: SLF001 - LocalStack's
    executor.changes.append(Change(name, before, after, old))
    if not is_nothing(before) and before.deletion_policy == DeletionPolicy.RetainExceptOnCreate:
        before.deletion_policy = DeletionPolicy.Retain  # LocalStack deletes it
    original(executor, name, before, after)


def undo(executor: Untyped) -> None:
    """Undo all changes of the operation, the last one first."""
    for change in reversed(executor.changes):
        _undo(executor, change)


def undo_failed(executor: Untyped) -> None:
    """Undo only the changes of the failed resource, which is still shown as failed."""
    states = executor._change_set.stack.resource_states  # noqa: SLF001 - LocalStack's
    for change in list(executor.changes):
        if str(executor.resources.get(change.name, {}).get("ResourceStatus")).endswith("_FAILED"):
            shown = states[change.name]
            _undo(executor, change)
            states[change.name] = shown
            executor.changes.remove(change)


def _undo(executor: Untyped, change: Change) -> None:
    try:
        if is_nothing(change.before):
            _remove(executor, change)
        elif not is_nothing(change.after):
            _restore(executor, change)
    except Exception:  # the other changes are still undone, and the stack's status says that the rollback failed
        LOG.exception("The change of %s could not be undone.", change.name)
        executor.rollback_failed = True


def _remove(executor: Untyped, change: Change) -> None:
    """Delete a resource that the operation created."""
    if model := executor.resources.get(change.name, {}).get("Properties"):
        _act(executor, change, ChangeAction.Remove, change.after.resource_type, model, None)
    executor.resources.pop(change.name, None)
    executor._change_set.stack.resource_states.pop(change.name, None)  # noqa: SLF001 - LocalStack's


def _restore(executor: Untyped, change: Change) -> None:
    """Delete a replacement, or update the resource to its old properties."""
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
        # A failed update may have been applied in part.
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
