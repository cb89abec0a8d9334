"""Give log groups the retention of their template. LocalStack creates a group without one and reports success."""

from collections.abc import Callable
from typing import Any

from localstack.services.logs.resource_providers.aws_logs_loggroup import LogsLogGroupProvider
from localstack.utils.patch import patch

from millrace_plugin.cloudformation.differences import Model

Untyped = Any  # LocalStack's providers and requests


def install() -> None:
    patch(LogsLogGroupProvider.create)(_create)


def update(request: Untyped) -> Model:
    """Set or delete the retention of an existing group. Returns the group's properties."""
    logs, name = request.aws_client_factory.logs, request.previous_state["LogGroupName"]
    if days := request.desired_state.get("RetentionInDays"):
        logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    else:
        logs.delete_retention_policy(logGroupName=name)
    return dict(request.desired_state)


def _create(original: Callable[..., Untyped], provider: Untyped, request: Untyped) -> Untyped:
    event = original(provider, request)
    if days := event.resource_model.get("RetentionInDays"):
        name = event.resource_model["LogGroupName"]
        request.aws_client_factory.logs.put_retention_policy(logGroupName=name, retentionInDays=int(days))
    return event
