"""Changes of user accounts."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class UserEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the user events. It has the id alone, because an event of a deleted account may have no more."""

    topic: ClassVar[str] = "user-events"
    key: ClassVar[str] = "user_id"
    source: ClassVar[str] = "/users"

    user_id: UUID


class UserProfile(UserEvent, frozen=True, kw_only=True):
    """The base of events with the profile.

    *email*: personal data, which must not be logged.
    *updated_at*: of two events of a person, the one with the later time is the later one. Old producers did not say it.
    """

    username: str
    # Optional for readers: old producers published the name alone.
    email: str | None = None
    updated_at: datetime | None = None


class UserRegistered(UserProfile, frozen=True, kw_only=True, tag="user-registered"):
    """An account was created."""


class UserUpdated(UserProfile, frozen=True, kw_only=True, tag="user-updated"):
    """A profile was changed. The fields are as they are now."""


class UserDeleted(UserEvent, frozen=True, kw_only=True, tag="user-deleted"):
    """An account was deleted. Every domain forgets the person."""
