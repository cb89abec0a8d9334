"""The newest notifications of each user, cached for the first page of their list."""

from collections.abc import Iterable
from uuid import UUID

from kernel.storage.cache import Cache
from notifications.schemas import NotificationView

LENGTH = 100

newest = Cache("notifications", list[NotificationView], seconds=60)


def forget(user_ids: Iterable[UUID]) -> None:
    """Invalidate the users' lists, after the change is committed or within `kernel.storage.cache.postponed`."""
    for user_id in set(user_ids):
        newest.invalidate(user_id)
