"""The newest notifications of each user, cached: what the first page of their list shows."""

from collections.abc import Iterable
from uuid import UUID

from kernel.storage.cache import Cache
from notifications.schemas import NotificationView

LENGTH = 100

newest = Cache("notifications", list[NotificationView], seconds=60)


def forget(user_ids: Iterable[UUID]) -> None:
    """The users' lists have changed, and that is committed, or `kernel.storage.cache.postponed` waits for it."""
    for user_id in set(user_ids):
        newest.invalidate(user_id)
