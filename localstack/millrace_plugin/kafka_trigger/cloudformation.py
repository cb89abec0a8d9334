"""Create, check and delete Kafka mappings of CloudFormation templates.

AWS: "AWS::Lambda::EventSourceMapping" (CloudFormation template reference).
"""

from collections.abc import Callable
from typing import Any

from localstack.services.cloudformation.resource_provider import OperationStatus, ProgressEvent
from localstack.services.lambda_.resource_providers.aws_lambda_eventsourcemapping import (
    LambdaEventSourceMappingProvider,
)
from localstack.utils.patch import patch

from millrace_plugin.kafka_trigger import lambda_api, support
from millrace_plugin.kafka_trigger.api_members import unknown_members
from millrace_plugin.kafka_trigger.settings import is_kafka
from millrace_plugin.kafka_trigger.template_changes import in_api_spelling

Untyped = Any  # LocalStack's provider, requests and clients
Original = Callable[[Untyped, Untyped], Untyped]
Properties = dict[str, Any]
NOT_OF_THE_API = {"Id", "EventSourceMappingArn", "Tags"}
"""Properties that the API does not take, or not in this form."""


def extend_resource_provider() -> None:
    """Wrap LocalStack's provider of AWS::Lambda::EventSourceMapping."""
    for wrapper in (create, delete):
        patch(getattr(LambdaEventSourceMappingProvider, wrapper.__name__))(wrapper)


def create(original: Original, provider: Untyped, request: Untyped) -> Untyped:
    """Create a mapping with the API's spelling of its properties."""
    request.desired_state = properties = in_api_spelling(request.desired_state)
    unknown = _check_members(request, properties)
    event = original(provider, request)
    if unknown:
        lambda_api.record_ignored(properties["Id"], unknown)
    return event


def check_update(request: Untyped) -> None:
    """Refuse a changed template whose update would drop something."""
    unknown = _check_members(request, in_api_spelling(request.desired_state))
    lambda_api.record_ignored(request.previous_state["Id"], unknown)


def delete(original: Original, provider: Untyped, request: Untyped) -> Untyped:
    """Delete a mapping and wait until it is gone, so that another one of its source can be created."""
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


def _check_members(request: Untyped, properties: Properties) -> list[str]:
    """Refuse members that the API model does not know: LocalStack's client for templates drops them silently.

    Returns the paths of the unknown members that lenient mode accepts.
    """
    if not is_kafka(properties):
        return []
    model = request.aws_client_factory.lambda_.meta.service_model.operation_model("CreateEventSourceMapping")
    asked = {name: value for name, value in properties.items() if name not in NOT_OF_THE_API}
    unknown = list(unknown_members(model.input_shape, asked))
    lambda_api.refuse_or_warn(support.find_gaps({}, unknown), request.logical_resource_id)
    return unknown
