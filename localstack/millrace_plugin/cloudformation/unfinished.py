"""Keep what a failed operation with disabled rollback has done, and continue or roll back from there.

The failed resource keeps its old state and is shown as failed. Replaced resources are deleted once an operation
succeeds.
"""

from dataclasses import dataclass, field
from typing import Any

from localstack.aws.api.cloudformation import ChangeSetType, StackStatus
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.v2.entities import ChangeSet
from localstack.utils.patch import patch

from millrace_plugin.cloudformation.deployed import as_template

Untyped = Any  # LocalStack's executor, stacks and resources

FAILED = {ChangeSetType.CREATE: StackStatus.CREATE_FAILED, ChangeSetType.UPDATE: StackStatus.UPDATE_FAILED}
STATE = (
    "declared",
    "processed_template",
    "resolved_outputs",
    "resolved_parameters",
    "resolved_resources",
    "template",
    "template_body",
)
"""The attributes of a stack that an operation changes."""


@dataclass
class Unfinished:
    """A stack's last good state, and the failed operations since then."""

    kind: ChangeSetType
    state: dict[str, Any]
    operations: list[Untyped] = field(default_factory=list)
    deletions: list[Untyped] = field(default_factory=list)
    """The deletions of replaced resources, in LocalStack's own type."""


def install() -> None:
    patch(ChangeSet.has_changes)(_has_changes)


def find(stack: Untyped) -> Unfinished | None:
    """Return the stack's unfinished operations, or None if the last one succeeded."""
    found: Unfinished | None = stack.unfinished
    return found


def kind(stack: Untyped) -> ChangeSetType:
    """Return whether the unfinished stack is being created or updated.

    Raises:
        ValidationError: the stack is not unfinished.
    """
    if found := find(stack):
        return found.kind
    message = f"RollbackStack is for a stack whose rollback was disabled; {stack.stack_name} is {stack.status}."
    raise ValidationError(message)


def check_update(stack: Untyped, *, disables_rollback: bool) -> None:
    """Refuse an update that could not roll back to a good state, in AWS's words.

    Raises:
        ValidationError: the stack is unfinished and the update does not disable its rollback.
    """
    if find(stack) and not disables_rollback:
        message = (
            f"This stack is currently in a non-terminal [{stack.status}] state. To update the stack from this state, "
            "please use the disable-rollback parameter with update-stack API. To rollback to the last known good state, "
            "use the rollback-stack API"
        )
        raise ValidationError(message)


def record(executor: Untyped, reason: str) -> None:
    """Record a failed operation and its outstanding deletions."""
    change_set = executor._change_set  # noqa: SLF001 - LocalStack's
    stack, deferred = change_set.stack, executor._deferred_actions  # noqa: SLF001 - as above
    unfinished = find(stack) or Unfinished(change_set.change_set_type, {name: getattr(stack, name) for name in STATE})
    unfinished.operations.append(executor)
    unfinished.deletions += [each for each in deferred if not each.name.startswith("remove-")]
    deferred.clear()
    stack.unfinished = unfinished
    executor.failure = reason


def take_over(executor: Untyped, result: Untyped) -> None:
    """Set the stack's state to what is deployed, and the result to the failure."""
    change_set = executor._change_set  # noqa: SLF001 - LocalStack's
    stack = change_set.stack
    stack.declared = executor.declared | {
        name: each for name, each in stack.declared.items() if name not in executor.declared
    }
    resources = stack.resolved_resources | executor.resources
    result.resources = {name: resources[name] for name in stack.declared}
    result.outputs, result.failure_message = stack.resolved_outputs, executor.failure
    change_set.template = change_set.processed_template = stack.processed_template = as_template(stack.declared)
    stack.change_set_id = None  # the values of its change set are outdated
    stack.set_stack_status(FAILED[change_set.change_set_type], executor.failure)


def finish(executor: Untyped) -> None:
    """Add the outstanding deletions of earlier operations to this one."""
    stack = executor._change_set.stack  # noqa: SLF001 - LocalStack's
    if unfinished := find(stack):
        executor._deferred_actions[:0] = unfinished.deletions  # noqa: SLF001 - as above
        stack.unfinished = None


def restore(stack: Untyped) -> list[Untyped]:
    """Restore the stack's last good state. Returns the operations to undo, the last one first."""
    last_good: Unfinished = stack.unfinished
    for name, value in last_good.state.items():
        setattr(stack, name, value)
    stack.unfinished = None
    return last_good.operations[::-1]


def _has_changes(original: Untyped, change_set: Untyped) -> bool:
    """Return whether a change set has changes. On an unfinished stack it always has: the status."""
    return bool(original(change_set) or find(change_set.stack))
