"""Who uses the platform."""

from typing import ClassVar
from uuid import UUID

from kernel.events import Event


class UserEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """*email*: for those who write to the user; it is personal, and may be in no log."""

    topic: ClassVar[str] = "user-events"
    key: ClassVar[str] = "user_id"
    source: ClassVar[str] = "/users"

    user_id: UUID
    username: str
    # Optional for readers: old producers published the name alone.
    email: str | None = None


class UserRegistered(UserEvent, frozen=True, kw_only=True, tag="user-registered"):
    """Somebody made an account."""


class UserUpdated(UserEvent, frozen=True, kw_only=True, tag="user-updated"):
    """Somebody changed their profile; this is what it is now."""
