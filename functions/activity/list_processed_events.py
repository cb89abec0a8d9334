"""GET /events/processed: the events that arrived, newest first."""

from datetime import datetime
from uuid import UUID

from activity import store
from activity.schemas import ProcessedEvent
from kernel import http
from kernel.database import transaction
from kernel.responses import Reply


@http.endpoint()
def handler(request: http.Request[None, http.Page]) -> Reply[list[ProcessedEvent]]:
    page = request.query
    with transaction("activity") as connection:
        events, more = store.newest(connection, page.limit, after=page.start(tuple[datetime, UUID]))
    return page.reply(events, ProcessedEvent.position, more=more)
