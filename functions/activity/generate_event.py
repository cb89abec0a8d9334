"""POST /events/generate: publish what a user did."""

from datetime import UTC, datetime

from activity.schemas import GeneratedEvent, GenerateEvent
from kernel import http, ids, outbox
from kernel.contracts.activity import UserEvent
from kernel.database import transaction


@http.endpoint(rate="ingest", idempotent_in="activity")
def handler(request: http.Request[GenerateEvent]) -> GeneratedEvent:
    command = request.body
    event = UserEvent(
        event_id=ids.new(),
        user_id=command.user_id,
        event_type=command.event_type,
        timestamp=datetime.now(UTC),
        payload=command.payload,
    )
    with transaction("activity") as connection:
        outbox.add(connection, event)
    return GeneratedEvent(event.event_id)
