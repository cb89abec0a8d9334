"""Write what is deployed as a template, for an operation that starts where another one stopped.

LocalStack compares a template with the previous one. After half an operation, neither the old nor the new template is
deployed. This one has each resource with its current values, without references.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from localstack.services.cloudformation.engine.v2.change_set_model import is_nothing
from localstack.services.cloudformation.engine.v2.change_set_model_executor import ChangeSetModelExecutor
from localstack.services.cloudformation.engine.v2.change_set_model_preproc import PreprocResource
from localstack.utils.patch import patch

Untyped = Any  # LocalStack's executor, nodes and resources
Declared = dict[str, PreprocResource]
"""The resources as their templates declare them, in the sequence of their creation."""


def install() -> None:
    patch(ChangeSetModelExecutor.visit_node_resource)(_record_declaration)


def _record_declaration(original: Untyped, executor: Untyped, node: Untyped) -> Untyped:
    delta = original(executor, node)
    if not is_nothing(delta.after):
        executor.declared[node.name] = delta.after
    return delta


def as_template(declared: Mapping[str, PreprocResource]) -> dict[str, Any]:
    """Return a template of *declared*, in the sequence of creation, which a deletion reverses."""
    return {"Resources": {name: _as_resource(each) for name, each in declared.items()}}


def _as_resource(declared: Untyped) -> dict[str, Any]:
    policies = {"DeletionPolicy": declared.deletion_policy, "UpdateReplacePolicy": declared.update_replace_policy}
    return {
        "Type": declared.resource_type,
        "Properties": {} if is_nothing(declared.properties) else deepcopy(declared.properties.properties),
        **{name: str(policy) for name, policy in policies.items() if policy and not is_nothing(policy)},
    }
