"""What a user did, and the rules for it: what is recorded, and how it is shown."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import Raw, Struct

from kernel import free_json
from kernel.contracts.activity import UserEvent
from kernel.errors import UnprocessableError

# From this length on, numbers that Postgres has written out are shown with exponents, so that an answer can hold them.
LONG_PAYLOAD = 1024 * 1024


class ProcessedEvent(Struct, frozen=True):
    id: UUID
    user_id: str
    event_type: str
    payload: dict[str, Any] | None
    created_at: datetime

    def position(self) -> tuple[object, ...]:
        """Return its place in the list, where the next page begins."""
        return (self.created_at, self.id)


def check_user(event: UserEvent, forgotten: Collection[str]) -> None:
    """Raise UnprocessableError for an event of a user whose account was deleted.

    *forgotten*: the ids of such users, in lower case.
    """
    if not recordable([event], forgotten):
        raise UnprocessableError("This user does not exist any more: the account was deleted.")


def recordable(events: Iterable[UserEvent], forgotten: Collection[str]) -> list[UserEvent]:
    """Return the events of users who are not among *forgotten* (ids in lower case)."""
    return [event for event in events if event.user_id.lower() not in forgotten]


def show_payload(text: str | None) -> Any:  # noqa: ANN401 - JSON that is not decoded
    """Return a stored payload as it is shown, or None if there is none. *text*: as Postgres writes it."""
    if text is None:
        return None
    return Raw((free_json.shorten(text) if len(text) > LONG_PAYLOAD else text).encode())
