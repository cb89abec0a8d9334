"""user-activity-events: store each UserEvent once, except events of deleted accounts."""

from activity import model, store
from kernel.contracts.activity import UserEvent
from kernel.messaging import consumer, tombstones
from kernel.storage.database import Connection


@consumer.batch(
    UserEvent,
    published_group="user-activity-consumer-group",
    published_dead_letter_topic="user-activity-events-dlq",
    idempotent_without_inbox=True,
)
def handler(connection: Connection, events: list[UserEvent]) -> None:
    forgotten = tombstones.forgotten_among(connection, [event.user_id for event in events])
    store.add_many(connection, model.recordable(events, forgotten))
