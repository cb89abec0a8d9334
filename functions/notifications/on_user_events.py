"""user-events: welcome who registered, keep where users can be written to, and forget who deleted their account."""

from uuid import UUID

from kernel.contracts.users import UserDeleted, UserEvent, UserProfile, UserRegistered, UserUpdated
from kernel.messaging import forgetting, tombstones
from kernel.storage.database import Connection
from notifications import model, own_list, store
from notifications.consumers import consumer_of
from notifications.model import Notice


def forget_part(connection: Connection, people: list[UUID]) -> int:
    """Forget a part of the people's notifications, addresses and kept answers; return how many rows."""
    own_list.forget(people)
    return forgetting.forget_rows(connection, people)


@forgetting.forgets("notifications", forget_part)
@consumer_of(UserRegistered, UserUpdated, UserDeleted)
def handler(connection: Connection, events: list[UserEvent]) -> list[Notice]:
    forgetting.check(events)
    profiles = [event for event in events if isinstance(event, UserProfile)]
    gone = tombstones.forgotten_among(connection, [event.user_id for event in profiles])
    known = [event for event in profiles if str(event.user_id) not in gone]
    store.keep_addresses(connection, {event.user_id: event.email for event in known if event.email})
    return [model.of_registration(event) for event in known if isinstance(event, UserRegistered)]
