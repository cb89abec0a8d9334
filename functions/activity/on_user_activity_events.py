"""user-activity-events: keep every UserEvent once."""

import logging

from activity import store
from kernel import consumer
from kernel.contracts.activity import UserEvent
from kernel.database import Connection
from kernel.telemetry import logger


@consumer.batch("activity", UserEvent)
def handler(connection: Connection, events: list[UserEvent]) -> None:
    store.add_many(connection, events)
    if logger.log_level <= logging.DEBUG:
        for event in events:
            names = {"eventId": str(event.event_id), "userId": event.user_id, "eventType": event.event_type}
            logger.debug("event processed", extra=names)
