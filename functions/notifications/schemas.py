"""The shapes of the notifications API's requests and responses."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct

from kernel.contracts.notifications import Channel
from kernel.texts import Message


class CreateNotification(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """*user_id*: the user to notify; by default the signed-in one."""

    message: Message
    type: Channel = Channel.IN_APP
    user_id: UUID | None = None


class NotificationView(Struct, frozen=True, rename="camel"):
    id: UUID
    user_id: UUID
    type: Channel
    message: str
    created_at: datetime
    read_at: datetime | None
