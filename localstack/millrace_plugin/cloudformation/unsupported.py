"""Refuse a template that uses a value of a resource whose type LocalStack does not have.

LocalStack deploys such a resource as a name, whose attributes are all `unknown`. That is harmless while nothing refers to
it. Then the deployment goes on, and the resource's event and the log say so.
"""

import logging
from collections.abc import Callable, Iterator
from typing import Any

from localstack.aws.api.cloudformation import ChangeSetStatus, StackStatus
from localstack.services.cloudformation.engine.validations import ValidationError
from localstack.services.cloudformation.resource_provider import ResourceProviderExecutor
from localstack.services.cloudformation.v2.entities import ChangeSet, Stack
from localstack.utils.patch import patch

from millrace_plugin.cloudformation import refusals
from millrace_plugin.cloudformation.references import find_references

LOG = logging.getLogger(__name__)
Untyped = Any  # LocalStack's change set


def install() -> None:
    Stack.keeps_status = False
    patch(ChangeSet.compute_update_model)(_compute_update_model)


def _compute_update_model(original: Callable[..., None], change_set: Untyped, inputs: Untyped) -> None:
    # LocalStack marks the stack as failed if the template cannot be transformed, although nothing has changed.
    change_set.stack.keeps_status = True
    try:
        original(change_set, inputs)
    finally:
        change_set.stack.keeps_status = False
    if change_set.status == ChangeSetStatus.FAILED:
        _refuse(change_set, change_set.status_reason)
        return
    template = change_set.processed_template
    if not template:
        return
    resources = template.get("Resources") or {}
    ignored = {name: str(resource["Type"]) for name, resource in resources.items() if not _is_supported(resource)}
    used = set(_used(template, ignored))
    for name, type_ in ignored.items():
        if name not in used:
            LOG.warning(
                "%s (%s): LocalStack does not have this type. It is left out; nothing refers to it.", name, type_
            )
    if refused := {name: type_ for name, type_ in ignored.items() if name in used}:
        _refuse(change_set, " ".join(refusals.unsupported(name, type_) for name, type_ in refused.items()))


def _refuse(change_set: Untyped, reason: str) -> None:
    change_set.status_reason = reason
    change_set.set_change_set_status(ChangeSetStatus.FAILED)
    if change_set.change_set_name.startswith("cs-"):
        # CreateStack and UpdateStack have no change set that a client could describe.
        if not change_set.stack.template:
            change_set.stack.set_stack_status(StackStatus.ROLLBACK_IN_PROGRESS, reason)
            change_set.stack.set_stack_status(StackStatus.ROLLBACK_COMPLETE)
        raise ValidationError(reason)


def _used(template: dict[str, Any], ignored: dict[str, str]) -> Iterator[str]:
    """Yield the logical ids that outputs and supported resources refer to."""
    for name, resource in template["Resources"].items():
        if name not in ignored:
            yield from find_references(resource.get("Properties"))
    yield from find_references(template.get("Outputs"))


def _is_supported(resource: dict[str, Any]) -> bool:
    return ResourceProviderExecutor.try_load_resource_provider(str(resource["Type"])) is not None
