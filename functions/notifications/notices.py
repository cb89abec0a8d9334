"""Adds notifications: stores and publishes them."""

from kernel.contracts.notifications import NotificationCreated
from kernel.messaging import outbox, tombstones
from kernel.storage.database import Connection
from notifications import own_list, store
from notifications.model import Notice
from notifications.schemas import NotificationView


def add_many(connection: Connection, notices: list[Notice]) -> list[NotificationView]:
    """Insert the notifications and queue their events, in the caller's transaction. Returns what was inserted.

    Notifications of people whose account was deleted are left out.
    """
    forgotten = tombstones.forgotten_among(connection, [notice.user_id for notice in notices])
    added = store.add_many(connection, [notice for notice in notices if str(notice.user_id) not in forgotten])
    outbox.add_many(
        connection,
        (NotificationCreated(notification_id=each.id, user_id=each.user_id, channel=each.type) for each in added),
    )
    return added


def notify(connection: Connection, notices: list[Notice]) -> None:
    """Add notifications as `add_many` does, and invalidate the cached lists of their users once it is committed.

    For consumers: the Kafka edge lets invalidations wait for the end of the transaction.
    """
    own_list.forget(each.user_id for each in add_many(connection, notices))
