"""Notifications of users. The message stays in the notifications database: an event has no personal text."""

from enum import StrEnum
from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class Channel(StrEnum):
    EMAIL = "email"
    IN_APP = "in-app"


class NotificationCreated(Event, frozen=True, kw_only=True, tag_field="type", tag="notification-created"):
    """A user has a new notification. *channel*: how it is delivered, besides the user's list."""

    topic: ClassVar[str] = "notification-events"
    key: ClassVar[str] = "notification_id"
    source: ClassVar[str] = "/notifications"

    notification_id: UUID
    user_id: UUID
    channel: Channel
