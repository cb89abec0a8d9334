"""Notifications that are created by hand."""

from uuid import uuid4

import pytest

from notifications.create_notification import handler
from tests.kit.api import call
from tests.kit.databases import Database
from tests.notifications.reading import SignIn, listed, messages


def test_creates_a_notification_of_the_caller(notifications: Database, sign_in: SignIn) -> None:
    """201 with the notification, which is in the list at once although the list was cached before."""
    ada = sign_in(uuid4())
    assert listed(ada) == []
    answer = call(handler, "POST", {"message": "Buy milk", "type": "in-app"}, headers=ada)
    assert answer.status == 201
    assert listed(ada) == [answer.body]
    assert answer.body["message"] == "Buy milk"


def test_publishes_what_was_created(notifications: Database, sign_in: SignIn) -> None:
    """The event is in the outbox together with the notification."""
    call(handler, "POST", {"message": "Buy milk", "type": "email"}, headers=sign_in(uuid4()))
    assert notifications.rows("SELECT topic FROM outbox") == [("notification-events",)]


def test_repeats_the_first_answer_for_the_same_idempotency_key(notifications: Database, sign_in: SignIn) -> None:
    """A request that is sent twice creates one notification, which the list shows after the commit."""
    ada = sign_in(uuid4())
    assert listed(ada) == []
    key = {"Idempotency-Key": "once"}
    first, second = (call(handler, "POST", {"message": "Buy milk"}, headers=ada | key) for _ in range(2))
    assert (second.status, second.body) == (201, first.body)
    assert listed(ada) == [first.body]


def test_notifies_another_user_only_with_the_right_to(notifications: Database, sign_in: SignIn) -> None:
    """Another user's id needs the scope notifications:write; without it nothing is created."""
    ada, bob = uuid4(), uuid4()
    command = {"message": "Buy milk", "userId": str(bob)}
    assert call(handler, "POST", command, headers=sign_in(ada)).status == 403
    assert messages(sign_in(bob)) == []
    assert call(handler, "POST", command, headers=sign_in(ada, "user notifications:write")).status == 201
    assert messages(sign_in(bob)) == [("in-app", "Buy milk")]


@pytest.mark.parametrize(
    ("command", "path"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": "x" * 501}, "message"),
        ({"message": "Buy milk", "type": "pigeon"}, "type"),
        ({"message": "Buy milk", "readAt": None}, "readAt"),
    ],
)
def test_refuses_what_is_no_notification(
    notifications: Database, sign_in: SignIn, command: dict[str, object], path: str
) -> None:
    """400, naming the wrong field; nothing is created."""
    answer = call(handler, "POST", command, headers=sign_in(uuid4()))
    assert (answer.status, [each["path"] for each in answer.body["errors"]]) == (400, [path])
    assert notifications.rows("SELECT * FROM notifications") == []


def test_refuses_who_is_not_signed_in(notifications: Database, sign_in: SignIn) -> None:
    """401, and nothing is created."""
    assert call(handler, "POST", {"message": "Buy milk"}).status == 401
    assert notifications.rows("SELECT * FROM notifications") == []
