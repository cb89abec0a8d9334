"""PATCH /api/v1/auth/profile."""

from uuid import uuid4

import pytest

from tests.kit.api import call
from tests.kit.databases import Database
from tests.users.conftest import Client
from users import passwords, update_profile


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
    assert value == {
        "type": "user-updated",
        "userId": before["id"],
        "username": name,
        "email": before["email"],
        "updatedAt": answer.body["updatedAt"],
    }


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
    by_name, by_address = (
        client.update(username=other.username.upper()),
        client.update(email=other.email, currentPassword=client.password),
    )
    assert by_name.status == by_address.status == 409
    assert by_name.body["detail"] == by_address.body["detail"]
    assert client.profile().body == before
    assert client.update(username=client.username.title()).status == 200


WRONG: list[object] = [
    {"username": "x"},
    {"username": "somebody\n"},
    {"email": None},
    {"email": "somebody@example.com\n", "currentPassword": "any"},
    {"password": "another one"},
    {"currentPassword": None},
    {"scopes": []},
    [],
]


def test_another_address_takes_the_password(users: Database, client: Client) -> None:
    """Without it 400, which names the field; with another one 403. Nothing changes and nothing is announced."""
    before, address = client.profile().body, f"new-{client.email}"
    absent = client.update(email=address)
    assert absent.status == 400
    assert [error["path"] for error in absent.body["errors"]] == ["currentPassword"]
    for wrong in ("", "not the password"):
        refused = client.update(email=address, currentPassword=wrong)
        assert refused.status == 403
        assert [error["path"] for error in refused.body["errors"]] == ["currentPassword"]
    assert client.profile().body == before
    assert users.rows("SELECT count(*) FROM outbox") == [(1,)]
    answer = client.update(email=address, currentPassword=client.password)
    assert (answer.status, answer.body["email"]) == (200, address)
    assert client.log_in(email=address, password=client.password).status == 200


def test_a_name_takes_no_password_and_a_wrong_one_is_refused_still(client: Client) -> None:
    """Also beside the address that the account has already, as a form sends it."""
    names = [f"renamed-{uuid4().hex[:8]}" for _ in range(3)]
    assert client.update(username=names[0], email=client.email).status == 200
    assert client.update(username=names[1], currentPassword="not the password").status == 403
    assert client.update(username=names[2], currentPassword=client.password).status == 200


def test_a_password_that_is_changed_meanwhile_changes_nothing(
    users: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its check and the change of the address: 403."""
    verify = passwords.verify

    def change_meanwhile(stored: str | None, password: str) -> bool:
        users.rows("UPDATE users SET password_changed_at = now() RETURNING id")
        return verify(stored, password)

    monkeypatch.setattr(passwords, "verify", change_meanwhile)
    assert client.update(email=f"new-{client.email}", currentPassword=client.password).status == 403
    assert client.profile().body["email"] == client.email


def test_passwords_cannot_be_tried_here_without_end(client: Client) -> None:
    """Ten attempts on an account, from whatever address, and then 429, for the right password too."""
    attempts = [client.update(email=f"new-{client.email}", currentPassword="not it").status for _ in range(11)]
    assert attempts == [403] * 10 + [429]
    assert client.change_password(currentPassword=client.password, newPassword=uuid4().hex).status == 429


@pytest.mark.parametrize("body", WRONG)
def test_wrong_changes_are_refused(client: Client, body: object) -> None:
    """400 for what breaks a rule, and for fields that are not the user's to change."""
    headers = {"Authorization": f"Bearer {client.access_token}"}
    assert call(update_profile.handler, "PATCH", body, headers=headers).status == 400
