"""Delete a stack as AWS does: undeletable resources stay in it, it is DELETE_FAILED, and can be deleted again.

LocalStack calls every stack deleted, whether or not its resources are.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from localstack.aws.api.cloudformation import ChangeAction, ResourceStatus, StackStatus
from localstack.services.cloudformation.engine.v2.change_set_model_executor import Deferred
from localstack.services.cloudformation.resource_provider import OperationStatus

from millrace_plugin.cloudformation.deployed import as_template
from millrace_plugin.cloudformation.references import find_references

Untyped = Any  # LocalStack's executor, stack and results


def prepare(executor: Untyped) -> None:
    """Record whether each deletion succeeds, and keep what an undeleted resource refers to."""
    stack = executor._change_set.stack  # noqa: SLF001 - LocalStack's
    resources = (stack.processed_template or {}).get("Resources") or {}
    executor._deferred_actions[:] = [  # noqa: SLF001 - as above
        Deferred(each.name, partial(_delete, executor, resources, each.name.removeprefix("remove-"), each.action))
        for each in executor._deferred_actions  # noqa: SLF001 - as above
    ]


def conclude(executor: Untyped, failure: str | None) -> None:
    """Set the stack's status and its remaining resources.

    failure: why the deletion stopped. None if it did not.
    """
    stack = executor._change_set.stack  # noqa: SLF001 - LocalStack's
    failed = executor.undeleted
    if not failed and not failure:
        stack.unfinished = None
        return
    stack.declared = {name: each for name, each in stack.declared.items() if name not in executor.deleted}
    stack.resolved_resources = {name: each for name, each in stack.resolved_resources.items() if name in stack.declared}
    stack.template = stack.processed_template = as_template(stack.declared)
    reason = f"The following resource(s) failed to delete: [{', '.join(failed)}]. " if failed else failure
    stack.set_stack_status(StackStatus.DELETE_FAILED, reason)


def _delete(executor: Untyped, resources: dict[str, Any], name: str, action: Callable[[], None]) -> None:
    stack, options = executor._change_set.stack, executor.options  # noqa: SLF001 - LocalStack's
    if name in executor.needed:
        executor.needed.update(_references(resources.get(name)))
        return
    if name not in options.retained:
        action()
    if name in options.retained or (options.retains_undeletable and _failed(stack, name)):
        _skip(executor, name)
    if _failed(stack, name):
        executor.undeleted.append(name)
        executor.needed.update(_references(resources.get(name)))
    else:
        executor.deleted.add(name)


def _skip(executor: Untyped, name: str) -> None:
    stack = executor._change_set.stack  # noqa: SLF001 - LocalStack's
    executor._process_event(  # noqa: SLF001 - as above
        action=ChangeAction.Remove,
        logical_resource_id=name,
        event_status=OperationStatus.SUCCESS,
        resource_type=stack.resolved_resources[name]["Type"],
        custom_status=ResourceStatus.DELETE_SKIPPED,
    )


def _failed(stack: Untyped, name: str) -> bool:
    state = stack.resource_states.get(name) or {}
    return bool(state.get("ResourceStatus") == ResourceStatus.DELETE_FAILED)


def _references(resource: Any) -> set[str]:  # noqa: ANN401 - any JSON
    """Return the logical ids that the resource depends on."""
    if not isinstance(resource, dict):
        return set()
    after = resource.get("DependsOn") or []
    return {*find_references(resource.get("Properties")), *([after] if isinstance(after, str) else after)}
