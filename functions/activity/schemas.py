"""The shapes of the activity API's requests and responses."""

from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct, field

from kernel.contracts.activity import EventType


class GenerateEvent(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    user_id: Annotated[str, Meta(min_length=1, max_length=200)]
    event_type: EventType
    payload: dict[str, Any] = field(default_factory=dict)


class GeneratedEvent(Struct, frozen=True, rename="camel"):
    event_id: UUID
    message: str = "Event published successfully"
