"""What the activity API takes and gives."""

from datetime import datetime
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


class ProcessedEvent(Struct, frozen=True):
    id: UUID
    user_id: str
    event_type: str
    payload: dict[str, Any] | None
    created_at: datetime

    def position(self) -> tuple[object, ...]:
        """Return its place in the list's order, where the next page begins."""
        return (self.created_at, self.id)
