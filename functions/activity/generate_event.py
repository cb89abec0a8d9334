"""POST /events/generate: publish an event about a user's action."""

from datetime import UTC, datetime

from activity import model
from activity.database import transaction
from activity.schemas import GeneratedEvent, GenerateEvent
from kernel import ids
from kernel.contracts.activity import UserEvent
from kernel.errors import UnprocessableError
from kernel.messaging import outbox, tombstones
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request


@endpoint(rate="ingest", idempotent=True, raises=(UnprocessableError,))
def handler(request: Request[GenerateEvent]) -> GeneratedEvent:
    command = request.body
    event = UserEvent(
        event_id=ids.new(),
        user_id=command.user_id,
        event_type=command.event_type,
        timestamp=datetime.now(UTC),
        payload=command.payload,
    )
    with transaction() as connection:
        model.check_user(event, tombstones.forgotten_among(connection, [event.user_id]))
        outbox.add(connection, event)
    return GeneratedEvent(event.event_id)
