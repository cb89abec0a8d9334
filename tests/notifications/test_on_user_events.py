"""Who registers is welcomed once, and can be written to at the address that the last event told."""

import json
from uuid import uuid4

from kernel.contracts.users import UserRegistered, UserUpdated
from notifications.on_user_events import handler
from tests.databases import Database
from tests.lambda_events import Context, batch, record
from tests.notifications.reading import SignIn, messages
from tests.published import delivered

WELCOME = ("email", "Welcome, testuser! Your account has been created.")


def test_welcomes_who_registered(notifications: Database, sign_in: SignIn) -> None:
    """A registration becomes a notification of type email, with exactly this text."""
    ada = uuid4()
    handler(delivered(UserRegistered(user_id=ada, username="testuser", email="ada@example.com")), Context())
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
    assert notifications.rows("SELECT * FROM recipients") == [(ada, "b@example.com")]
    handler(delivered(third, UserUpdated(user_id=ada, username="ada"), start=2), Context())
    assert notifications.rows("SELECT * FROM recipients") == [(ada, "c@example.com")]
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
