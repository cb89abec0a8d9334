"""user-events: welcome new users, store the addresses of all, and forget users who deleted their account."""

from uuid import UUID

from kernel.contracts.users import UserDeleted, UserEvent, UserProfile, UserRegistered, UserUpdated
from kernel.messaging import consumer, forgetting, tombstones
from kernel.storage.database import Connection
from notifications import model, notices, own_list, store


def forget_part(connection: Connection, people: list[UUID]) -> int:
    """Delete a part of the people's notifications, addresses and kept answers. Returns the number of rows."""
    own_list.forget(people)
    return forgetting.forget_rows(connection, people)


@consumer.batch(UserRegistered, UserUpdated, UserDeleted, before=forgetting.by(forget_part), ignores_replays=True)
def handler(connection: Connection, events: list[UserEvent]) -> None:
    profiles = [event for event in events if isinstance(event, UserProfile)]
    gone = tombstones.forgotten_among(connection, [event.user_id for event in profiles])
    known = [event for event in profiles if str(event.user_id) not in gone]
    store.keep_addresses(connection, model.addresses(known))
    notices.notify(connection, [model.of_registration(event) for event in known if isinstance(event, UserRegistered)])
