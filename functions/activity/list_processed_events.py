"""GET /events/processed: list the events that have arrived, newest first."""

from datetime import datetime
from uuid import UUID

from activity import store
from activity.database import transaction
from activity.model import ProcessedEvent
from kernel.web.endpoint import endpoint
from kernel.web.pages import Page
from kernel.web.requests import Request
from kernel.web.responses import Reply


@endpoint()
def handler(request: Request[None, Page]) -> Reply[list[ProcessedEvent]]:
    page = request.query
    with transaction() as connection:
        events, more = store.newest(connection, page.limit, after=page.start(tuple[datetime, UUID]))
    return page.reply(events, ProcessedEvent.position, more=more)
