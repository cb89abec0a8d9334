"""Leave a stack whose operation failed as far as it came, if its rollback is disabled, and go on or back from there.

What was done stays. The resource that failed is what it was, and is shown as failed. What a replacement made superfluous
is deleted once an operation has come to its end.
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
"""What a stack knows of itself after an operation."""


@dataclass
class Unfinished:
    """A stack's last good state, and the operations since then, none of which came to its end."""

    kind: ChangeSetType
    state: dict[str, Any]
    operations: list[Untyped] = field(default_factory=list)
    deletions: list[Untyped] = field(default_factory=list)
    """Of what was replaced, in LocalStack's own type."""


def install() -> None:
    patch(ChangeSet.has_changes)(_has_changes)


def find(stack: Untyped) -> Unfinished | None:
    """Return what the stack has to finish, or None if its last operation came to an end."""
    found: Unfinished | None = stack.unfinished
    return found


def kind(stack: Untyped) -> ChangeSetType:
    """Return whether the stack has still to be created or updated.

    Raises:
        ValidationError: it is not unfinished.
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
    """Note what an operation that failed has done; nothing is deleted yet."""
    change_set = executor._change_set  # noqa: SLF001 - LocalStack's
    stack, deferred = change_set.stack, executor._deferred_actions  # noqa: SLF001 - as above
    unfinished = find(stack) or Unfinished(change_set.change_set_type, {name: getattr(stack, name) for name in STATE})
    unfinished.operations.append(executor)
    unfinished.deletions += [each for each in deferred if not each.name.startswith("remove-")]
    deferred.clear()
    stack.unfinished = unfinished
    executor.failure = reason


def take_over(executor: Untyped, result: Untyped) -> None:
    """Make what is deployed the stack's state, and the reason of the failure the result's."""
    change_set = executor._change_set  # noqa: SLF001 - LocalStack's
    stack = change_set.stack
    stack.declared = executor.declared | {
        name: each for name, each in stack.declared.items() if name not in executor.declared
    }
    resources = stack.resolved_resources | executor.resources
    result.resources = {name: resources[name] for name in stack.declared}
    result.outputs, result.failure_message = stack.resolved_outputs, executor.failure
    change_set.template = change_set.processed_template = stack.processed_template = as_template(stack.declared)
    stack.change_set_id = None  # its change set's values are no longer the stack's
    stack.set_stack_status(FAILED[change_set.change_set_type], executor.failure)


def finish(executor: Untyped) -> None:
    """Delete with this operation also what those before it replaced."""
    stack = executor._change_set.stack  # noqa: SLF001 - LocalStack's
    if unfinished := find(stack):
        executor._deferred_actions[:0] = unfinished.deletions  # noqa: SLF001 - as above
        stack.unfinished = None


def restore(stack: Untyped) -> list[Untyped]:
    """Give the stack its last good state. Returns the operations to undo, the last one first."""
    last_good: Unfinished = stack.unfinished
    for name, value in last_good.state.items():
        setattr(stack, name, value)
    stack.unfinished = None
    return last_good.operations[::-1]


def _has_changes(original: Untyped, change_set: Untyped) -> bool:
    """Let also the old template finish a stack: its status changes."""
    return bool(original(change_set) or find(change_set.stack))
