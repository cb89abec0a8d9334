"""Read the state of a stack's functions from LocalStack's stores."""

from typing import Any

from localstack.services.cloudformation.models import cloudformation_stores
from localstack.services.lambda_.api_utils import map_config_out
from localstack.services.lambda_.invocation.models import lambda_stores

from millrace_plugin.settings import ACCOUNT, REGION
from millrace_plugin.status import descriptions, lambda_provider
from millrace_plugin.status.structures import Functions

Untyped = Any  # LocalStack's stack and function versions


def read(stack_name: str) -> Functions:
    """Return the status of a stack and the state of each of its functions."""
    stack = _stack(stack_name)
    if stack is None:
        return Functions(stack=None, functions=())
    names = logical_ids(stack_name)
    deployed = {name: each.latest() for name, each in dict(lambda_stores[ACCOUNT][REGION].functions).items()}
    environments = lambda_provider.environments()
    found = []
    for name, logical_id in sorted(names.items(), key=lambda each: each[1]):
        if version := deployed.get(name):
            found.append(
                descriptions.function(logical_id, map_config_out(version), environments[version.id.unqualified_arn()])
            )
        else:
            found.append(descriptions.missing_function(logical_id, _handler(stack, logical_id)))
    return Functions(stack=str(stack.status), functions=tuple(found))


def logical_ids(stack_name: str) -> dict[str, str]:
    """Return the logical ids of a stack's functions by the functions' names."""
    stack = _stack(stack_name)
    states = dict(stack.resource_states).values() if stack else ()
    return {
        each["PhysicalResourceId"]: each["LogicalResourceId"]
        for each in states
        # A resource whose creation is under way has no name yet.
        if each["ResourceType"] == "AWS::Lambda::Function" and each.get("PhysicalResourceId")
    }


def _handler(stack: Untyped, logical_id: str) -> str | None:
    """Return the handler that the template gives a function, or None if it does not say it literally."""
    template = stack.processed_template or stack.template or {}
    resource = (template.get("Resources") or {}).get(logical_id) or {}
    handler = (resource.get("Properties") or {}).get("Handler")
    return handler if isinstance(handler, str) else None


def _stack(name: str) -> Untyped:
    """Return the stack of that name, or None if there is none or it was deleted."""
    stacks = list(cloudformation_stores[ACCOUNT][REGION].stacks_v2.values())
    return next((each for each in stacks if each.stack_name == name and each.status != "DELETE_COMPLETE"), None)
