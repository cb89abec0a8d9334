"""Activities of users."""

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class EventType(StrEnum):
    LOGIN = "LOGIN"
    LOGOUT = "LOGOUT"
    PRODUCT_VIEW = "PRODUCT_VIEW"


class UserEvent(Event, frozen=True, kw_only=True):
    """A user did something. *payload*: free-form data of the client."""

    topic: ClassVar[str] = "user-activity-events"
    key: ClassVar[str] = "user_id"
    source: ClassVar[str] = "/activity"

    event_id: UUID
    user_id: str
    event_type: EventType
    timestamp: datetime
    payload: dict[str, Any] | None = None
