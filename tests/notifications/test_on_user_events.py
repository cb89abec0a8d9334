"""Who registers is welcomed once and written to at the last address; who deletes their account is forgotten."""

import itertools
import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from psycopg.errors import InsufficientPrivilege

from kernel.contracts.blogs import BlogPublished
from kernel.contracts.payments import PaymentCompleted
from kernel.contracts.users import UserDeleted, UserRegistered, UserUpdated
from notifications import create_notification, on_blog_events, on_payment_events, outgoing
from notifications.on_user_events import handler
from tests.kit.api import call
from tests.kit.databases import Database
from tests.kit.lambda_events import Context, batch, record
from tests.kit.published import delivered
from tests.notifications.reading import SignIn, messages

WELCOME = ("email", "Welcome, testuser! Your account has been created.")


def test_welcomes_who_registered(notifications: Database, sign_in: SignIn) -> None:
    """A registration becomes a notification of type email, with exactly this text."""
    ada = uuid4()
    handler(delivered(UserRegistered(user_id=ada, username="testuser", email="ada@example.com")), Context())
    assert messages(sign_in(ada)) == [WELCOME]


@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(4))), ids=str)
def test_an_address_that_arrives_late_changes_nothing(
    order: tuple[int, ...], *, together: bool, notifications: Database, sign_in: SignIn
) -> None:
    """A redriven dead letter may bring an old profile after a newer one, and one from before profiles had times."""
    ada, start = uuid4(), datetime(2026, 11, 27, tzinfo=UTC)
    profiles = [
        UserUpdated(user_id=ada, username="ada", email="old@example.com"),
        UserRegistered(user_id=ada, username="testuser", email="a@example.com", updated_at=start),
        UserUpdated(user_id=ada, username="ada", email="b@example.com", updated_at=start + timedelta(seconds=1)),
        UserUpdated(user_id=ada, username="ada", email="c@example.com", updated_at=start + timedelta(seconds=2)),
    ]
    several = [profiles[place] for place in order]
    for offset, part in enumerate([several] if together else [[each] for each in several]):
        handler(delivered(*part, start=4 * offset), Context())

    assert notifications.rows("SELECT user_id, email FROM recipients") == [(ada, "c@example.com")]
    assert messages(sign_in(ada)) == [WELCOME]


def test_welcomes_once_when_the_event_is_delivered_again(notifications: Database, sign_in: SignIn) -> None:
    """A redelivered registration adds nothing, and publishes nothing."""
    ada = uuid4()
    registered = delivered(UserRegistered(user_id=ada, username="testuser", email="ada@example.com"))
    for _ in range(3):
        handler(registered, Context())
    assert messages(sign_in(ada)) == [WELCOME]
    assert notifications.rows("SELECT topic FROM outbox") == [("notification-events",)]


def test_welcomes_who_an_old_producer_registered(notifications: Database, sign_in: SignIn) -> None:
    """An event of type, userId and username alone is enough; it tells no address."""
    ada = uuid4()
    value = {"type": "user-registered", "userId": str(ada), "username": "testuser"}
    handler(batch(record(json.dumps(value).encode())), Context())
    assert messages(sign_in(ada)) == [WELCOME]
    assert notifications.rows("SELECT * FROM recipients") == []


def test_keeps_the_latest_address(notifications: Database, sign_in: SignIn) -> None:
    """Of several addresses the last one counts, in one batch or in two; an event without one takes none away."""
    ada = uuid4()
    first = UserRegistered(user_id=ada, username="testuser", email="first@example.com")
    second, third = (UserUpdated(user_id=ada, username="ada", email=f"{name}@example.com") for name in ("b", "c"))
    handler(delivered(first, second), Context())
    assert notifications.rows("SELECT user_id, email FROM recipients") == [(ada, "b@example.com")]
    handler(delivered(third, UserUpdated(user_id=ada, username="ada"), start=2), Context())
    assert notifications.rows("SELECT user_id, email FROM recipients") == [(ada, "c@example.com")]
    assert messages(sign_in(ada)) == [WELCOME]


def test_publishes_no_personal_text(notifications: Database) -> None:
    """The event of a notification names it, its user and its channel: neither the address nor the message."""
    ada = uuid4()
    handler(delivered(UserRegistered(user_id=ada, username="testuser", email="ada@example.com")), Context())
    [(notification_id,)] = notifications.rows("SELECT id FROM notifications")
    [(value,)] = notifications.rows("SELECT value FROM outbox")
    assert json.loads(value) == {
        "type": "notification-created",
        "notificationId": str(notification_id),
        "userId": str(ada),
        "channel": "email",
    }


def test_forgets_who_deleted_their_account(notifications: Database, sign_in: SignIn) -> None:
    """Notifications, the address and e-mails that wait; nobody else's; heard twice, it changes nothing."""
    ada, bob = uuid4(), uuid4()
    handler(
        delivered(*(UserRegistered(user_id=each, username="testuser", email="a@b.example") for each in (ada, bob))),
        Context(),
    )
    with notifications.connect("app") as connection:
        outgoing.queue(connection, [found for (found,) in notifications.rows("SELECT id FROM notifications")])
    assert messages(sign_in(ada)) == [WELCOME]
    for start in (2, 3):
        handler(delivered(UserDeleted(user_id=ada), start=start), Context())
    assert messages(sign_in(ada)) == []
    assert messages(sign_in(bob)) == [WELCOME]
    assert notifications.rows("SELECT user_id FROM recipients") == [(bob,)]
    assert notifications.rows("SELECT user_id FROM emails JOIN notifications ON id = notification_id") == [(bob,)]


def test_nothing_brings_a_forgotten_person_back(notifications: Database, sign_in: SignIn) -> None:
    """Registrations and changes in the same batch or later, in any order, and what other domains tell."""
    ada = uuid4()
    registered = UserRegistered(user_id=ada, username="testuser", email="ada@example.com")
    updated = UserUpdated(user_id=ada, username="ada", email="b@example.com")
    handler(delivered(UserDeleted(user_id=ada), registered, updated), Context())
    handler(delivered(updated, registered, start=3), Context())
    on_blog_events.handler(delivered(BlogPublished(blog_id=uuid4(), title="Late", author_id=ada)), Context())
    paid = PaymentCompleted(order_id=uuid4(), amount=5, customer_id=ada)
    on_payment_events.handler(delivered(paid, start=1), Context())
    assert notifications.rows("SELECT user_id FROM recipients UNION SELECT user_id FROM notifications") == []
    assert notifications.rows("SELECT * FROM outbox") == []
    assert messages(sign_in(ada)) == []


def test_nobody_notifies_who_is_gone(notifications: Database, sign_in: SignIn) -> None:
    """401 for the person's own token, 404 for another's."""
    ada = uuid4()
    handler(delivered(UserDeleted(user_id=ada)), Context())
    own = call(create_notification.handler, "POST", {"message": "Hello."}, headers=sign_in(ada))
    notifier = sign_in(uuid4(), "user notifications:write")
    others = call(create_notification.handler, "POST", {"message": "Hello.", "userId": str(ada)}, headers=notifier)
    assert (own.status, others.status) == (401, 404)
    assert notifications.rows("SELECT * FROM notifications") == []


def test_the_application_still_cannot_delete(notifications: Database) -> None:
    """It may have a person forgotten, and nothing else."""
    for statement in ("DELETE FROM notifications", "DELETE FROM recipients", "DELETE FROM emails"):
        with notifications.connect("app") as connection, pytest.raises(InsufficientPrivilege):
            connection.execute(statement)
