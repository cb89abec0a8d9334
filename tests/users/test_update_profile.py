"""PATCH /api/v1/auth/profile."""

from uuid import uuid4

import pytest

from tests.api import call
from tests.databases import Database
from tests.users.conftest import Client
from users import update_profile


def test_a_change_is_answered_announced_and_seen_at_once(users: Database, client: Client) -> None:
    """200 with the new profile, user-updated in the outbox, and the cached profile is forgotten."""
    before = client.profile().body
    name = f"renamed-{uuid4().hex[:8]}"
    answer = client.update(username=name)
    assert answer.status == 200
    assert (answer.body["username"], answer.body["email"]) == (name, before["email"])
    assert answer.body["updatedAt"] > before["updatedAt"]
    assert client.profile().body == answer.body
    [(value,)] = users.rows(
        "SELECT convert_from(value, 'UTF8')::json FROM outbox WHERE topic = 'user-events' ORDER BY id DESC LIMIT 1"
    )
    assert value == {"type": "user-updated", "userId": before["id"], "username": name, "email": before["email"]}


@pytest.mark.parametrize("same", ["nothing", "username"])
def test_what_changes_nothing_announces_nothing(users: Database, client: Client, same: str) -> None:
    """200 with the profile as it was, and no event."""
    before = client.profile().body
    answer = client.update() if same == "nothing" else client.update(username=client.username)
    assert (answer.status, answer.body) == (200, before)
    assert users.rows("SELECT count(*) FROM outbox") == [(1,)]


def test_another_users_name_is_refused(users: Database, client: Client) -> None:
    """409 without saying which name it is, and nothing changes; one's own in other letters is taken."""
    other = Client()
    other.register()
    before = client.profile().body
    by_name, by_address = client.update(username=other.username.upper()), client.update(email=other.email)
    assert by_name.status == by_address.status == 409
    assert by_name.body["detail"] == by_address.body["detail"]
    assert client.profile().body == before
    assert client.update(username=client.username.title()).status == 200


@pytest.mark.parametrize("body", [{"username": "x"}, {"email": None}, {"password": "another one"}, {"scopes": []}, []])
def test_wrong_changes_are_refused(client: Client, body: object) -> None:
    """400 for what breaks a rule, and for fields that are not the user's to change."""
    headers = {"Authorization": f"Bearer {client.access_token}"}
    assert call(update_profile.handler, "PATCH", body, headers=headers).status == 400
