"""Mappings of Kafka in CloudFormation templates: how they are created and deleted; updates are in `cloudformation`.

AWS: "AWS::Lambda::EventSourceMapping" (CloudFormation template reference).
"""

from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.lambda_.resource_providers.aws_lambda_eventsourcemapping import (
    LambdaEventSourceMappingProvider,
)
from localstack.utils.patch import patch

from millrace_local.kafka_trigger.settings import is_kafka
from millrace_local.kafka_trigger.template_changes import in_api_spelling

Untyped = Any  # LocalStack's provider, requests and clients
Original = Callable[[Untyped, Untyped], Untyped]


def extend_resource_provider() -> None:
    """Wrap LocalStack's provider of AWS::Lambda::EventSourceMapping."""
    for wrapper in (create, delete):
        patch(getattr(LambdaEventSourceMappingProvider, wrapper.__name__))(wrapper)


def create(original: Original, provider: Untyped, request: Untyped) -> Untyped:
    """Create a mapping; the API spells the key's property differently, and would not be asked about it."""
    request.desired_state = in_api_spelling(request.desired_state)
    return original(provider, request)


def delete(original: Original, provider: Untyped, request: Untyped) -> Untyped:
    """Delete a mapping and wait until it is gone, so that the next one of its source can be created."""
    if not is_kafka(request.desired_state):
        return original(provider, request)
    client, uuid = request.aws_client_factory.lambda_, request.desired_state["Id"]
    context, status = request.custom_context, OperationStatus.IN_PROGRESS
    try:
        if client.get_event_source_mapping(UUID=uuid)["State"] != "Deleting":
            client.delete_event_source_mapping(UUID=uuid)
    except client.exceptions.ResourceNotFoundException:
        status = OperationStatus.SUCCESS
    return ProgressEvent(status, resource_model=request.desired_state, custom_context=context)
