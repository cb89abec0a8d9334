"""Mappings of Kafka in CloudFormation templates; LocalStack's own provider passes on a part of what a template says.

AWS: "AWS::Lambda::EventSourceMapping" (CloudFormation template reference).
"""

from collections.abc import Callable, Mapping
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.lambda_.resource_providers.aws_lambda_eventsourcemapping import (
    LambdaEventSourceMappingProvider,
)
from localstack.utils.patch import patch

from millrace_local.kafka_trigger.settings import is_kafka
from millrace_local.kafka_trigger.template_changes import changed_parameters

Untyped = Any  # LocalStack's provider, requests and clients
Original = Callable[[Untyped, Untyped], Untyped]
Properties = Mapping[str, Any]


def extend_resource_provider() -> None:
    """Wrap LocalStack's provider of AWS::Lambda::EventSourceMapping."""
    for wrapper in (create, update, delete):
        patch(getattr(LambdaEventSourceMappingProvider, wrapper.__name__))(wrapper)
    # The API cannot change the topics of a mapping, so another list of them means another mapping.
    LambdaEventSourceMappingProvider.SCHEMA["createOnlyProperties"].append("/properties/Topics")


def create(original: Original, provider: Untyped, request: Untyped) -> Untyped:
    """Create a mapping; the API spells the key's property differently, and would not be asked about it."""
    request.desired_state = _in_api_spelling(request.desired_state)
    return original(provider, request)


def update(original: Original, provider: Untyped, request: Untyped) -> Untyped:
    """Change every property that can be, and reset those that the template no longer has."""
    old, new = (_in_api_spelling(each) for each in (request.previous_state, request.desired_state))
    if not is_kafka(new):
        return original(provider, request)
    changes = changed_parameters(old, new)
    request.aws_client_factory.lambda_.update_event_source_mapping(UUID=old["Id"], **changes)
    model = new | {name: old[name] for name in ("Id", "EventSourceMappingArn") if name in old}
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=model, custom_context=request.custom_context)


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


def _in_api_spelling(properties: Properties) -> dict[str, Any]:
    return {"KMSKeyArn" if name == "KmsKeyArn" else name: value for name, value in properties.items()}
