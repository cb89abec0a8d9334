"""user-events: welcome who registered, and keep where users can be written to."""

from kernel.contracts.users import UserEvent, UserRegistered, UserUpdated
from kernel.database import Connection
from notifications import model, store
from notifications.consumers import consumer_of
from notifications.model import Notice


@consumer_of(UserRegistered, UserUpdated)
def handler(connection: Connection, events: list[UserEvent]) -> list[Notice]:
    store.keep_addresses(connection, {event.user_id: event.email for event in events if event.email})
    return [model.of_registration(event) for event in events if isinstance(event, UserRegistered)]
