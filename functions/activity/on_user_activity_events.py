"""user-activity-events: keep every UserEvent once, but none of who deleted their account."""

import logging

from activity import store
from kernel import consumer, tombstones
from kernel.contracts.activity import UserEvent
from kernel.database import Connection
from kernel.telemetry import logger


@consumer.batch("activity", UserEvent)
def handler(connection: Connection, events: list[UserEvent]) -> None:
    gone = tombstones.forgotten_among(connection, [event.user_id for event in events])
    store.add_many(connection, [event for event in events if event.user_id.lower() not in gone])
    if logger.log_level <= logging.DEBUG:
        for event in events:
            names = {"eventId": str(event.event_id), "userId": event.user_id, "eventType": event.event_type}
            logger.debug("event processed", extra=names)
