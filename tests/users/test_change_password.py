"""POST /api/v1/users/password."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.kit.databases import Database
from tests.kit.servers import wait_until
from tests.users.conftest import Client, waiting
from users import passwords, sessions
from users.sessions import Rotated
from users.token_families import RefreshToken


def test_the_new_password_logs_in_and_the_old_one_does_not(users: Database, client: Client) -> None:
    """200 with new tokens, as at log-in; the hash is argon2id of today's parameters, and nothing is announced."""
    new = f"{uuid4().hex} \u00e9lan"
    answer = client.change_password(currentPassword=client.password, newPassword=new)
    assert answer.status == 200
    assert set(answer.body) == {"token", "accessToken", "refreshToken", "tokenType", "expiresIn"}
    assert client.log_in().status == 401
    assert client.log_in(username=client.username, password=new.replace("\u00e9", "e\u0301")).status == 200
    [(stored,)] = users.rows("SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert users.rows("SELECT count(*) FROM outbox") == [(1,)]


def test_every_other_session_ends(client: Client) -> None:
    """Also the one whose access token asked; the tokens of the answer go on, with the account's scopes."""
    device, stranger = Client(client.username, client.password), Client()
    stranger.register()
    device.log_in()
    stranger.log_in()
    before = client.refresh_token
    client.change_password(currentPassword=client.password, newPassword=uuid4().hex)
    assert device.refresh().status == 401
    assert Client().refresh(before).status == 401
    assert client.profile().status == 200
    assert client.refresh().status == 200
    assert stranger.refresh().status == 200


def test_another_current_password_is_refused(client: Client) -> None:
    """403, which names the field; the password and the sessions stay."""
    answer = client.change_password(currentPassword="not the password", newPassword=uuid4().hex)
    assert answer.status == 403
    assert [error["path"] for error in answer.body["errors"]] == ["currentPassword"]
    assert client.refresh().status == 200
    assert client.log_in().status == 200


@pytest.mark.parametrize(
    "weak", ["short", "password123", "PASSWORD123", "\uff50assword123", "e\u0301" * 7, "x" * 129, "username", "email"]
)
def test_a_new_password_obeys_the_rules_of_registration(client: Client, weak: str) -> None:
    """400, which names the field: short, common, or a name of the account's, in any spelling and letter case."""
    new = {"username": client.username.upper(), "email": client.email}.get(weak, weak)
    answer = client.change_password(currentPassword=client.password, newPassword=new)
    assert answer.status == 400
    assert [error["path"] for error in answer.body["errors"]] == ["newPassword"]
    assert client.log_in().status == 200


def test_common_passwords_are_taken_where_the_check_is_off(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at registration; the other rules stay."""
    monkeypatch.setenv("COMMON_PASSWORD_CHECK", "off")
    assert client.change_password(currentPassword=client.password, newPassword="password123").status == 200
    assert client.change_password(currentPassword="password123", newPassword=client.username).status == 400


@pytest.mark.parametrize("missing", ["currentPassword", "newPassword"])
def test_both_passwords_are_needed(client: Client, missing: str) -> None:
    """400, which names the one that is missing."""
    body = {"currentPassword": client.password, "newPassword": uuid4().hex}
    del body[missing]
    answer = client.change_password(**body)
    assert answer.status == 400
    assert [error["path"] for error in answer.body["errors"]] == [missing]


def test_of_changes_at_once_one_wins(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other's current password is not the current one by then: 403, and the winner's tokens are good."""
    old, hash_password = client.password, passwords.hash_password
    tabs = [Client(client.username, old, client.access_token) for _ in range(2)]

    def let_the_other_win(password: str) -> str:
        monkeypatch.setattr(passwords, "hash_password", hash_password)
        assert tabs[1].change_password(currentPassword=old, newPassword=uuid4().hex).status == 200
        return hash_password(password)

    monkeypatch.setattr(passwords, "hash_password", let_the_other_win)
    assert tabs[0].change_password(currentPassword=old, newPassword=uuid4().hex).status == 403
    assert tabs[1].refresh().status == 200


def test_a_refresh_at_the_same_time_leaves_no_session(users: Database, client: Client) -> None:
    """The change waits for a refresh that is under way, and ends what it gave."""
    token = RefreshToken.parse(client.refresh_token)
    with ThreadPoolExecutor(1) as pool:
        with users.connect("app") as connection, connection.transaction():
            rotated = sessions.rotate(connection, token)
            change = pool.submit(client.change_password, currentPassword=client.password, newPassword=uuid4().hex)
            wait_until(lambda: waiting(users) == 1, what="the change to wait")
        assert change.result().status == 200
    assert isinstance(rotated, Rotated)
    assert Client().refresh(rotated.token.text()).status == 401
    assert client.refresh().status == 200
