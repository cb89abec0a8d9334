"""Who uses the platform."""

from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class UserEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the user events: the id alone, which is all that is told of somebody who is gone."""

    topic: ClassVar[str] = "user-events"
    key: ClassVar[str] = "user_id"
    source: ClassVar[str] = "/users"

    user_id: UUID


class UserProfile(UserEvent, frozen=True, kw_only=True):
    """*email*: for those who write to the user; it is personal, and may be in no log."""

    username: str
    # Optional for readers: old producers published the name alone.
    email: str | None = None


class UserRegistered(UserProfile, frozen=True, kw_only=True, tag="user-registered"):
    """Somebody made an account."""


class UserUpdated(UserProfile, frozen=True, kw_only=True, tag="user-updated"):
    """Somebody changed their profile; this is what it is now."""


class UserDeleted(UserEvent, frozen=True, kw_only=True, tag="user-deleted"):
    """Somebody deleted their account: every domain forgets what it keeps of the person."""
