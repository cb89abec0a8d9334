"""POST /api/v1/auth/register."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from kernel import ids
from kernel.errors import ConflictError
from tests.kit.api import call
from tests.kit.databases import Database
from tests.users.conftest import Client
from users import register_user, store
from users.schemas import Registration


def test_an_account_is_made_and_announced(users: Database) -> None:
    """The answer is 201 with the profile and nothing of the password; user-registered is published under the id."""
    somebody = Client()
    answer = somebody.register()
    assert answer.status == 201
    assert set(answer.body) == {"id", "username", "email", "createdAt", "updatedAt"}
    assert (answer.body["username"], answer.body["email"]) == (somebody.username, somebody.email)
    assert UUID(answer.body["id"]).version == 7
    [(topic, key, value)] = users.rows(
        "SELECT topic, convert_from(key, 'UTF8'), convert_from(value, 'UTF8')::json FROM outbox"
    )
    assert (topic, key) == ("user-events", answer.body["id"])
    assert value == {
        "type": "user-registered",
        "userId": answer.body["id"],
        "username": somebody.username,
        "email": somebody.email,
        "updatedAt": answer.body["updatedAt"],
    }


def test_the_password_is_kept_as_an_argon2id_hash(users: Database) -> None:
    """With the parameters of the design, and the password itself is in no column of any table."""
    somebody = Client()
    somebody.register()
    [(stored,)] = users.rows("SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    rows = users.rows("SELECT u::text FROM users u UNION ALL SELECT o::text FROM outbox o")
    assert not any(somebody.password in text for (text,) in rows)


@pytest.mark.parametrize("taken", ["username", "email"])
def test_a_taken_name_is_refused_without_saying_which(users: Database, taken: str) -> None:
    """409 with one text for both, whatever the letters' case; nothing is stored or published."""
    somebody, other = Client(), Client()
    somebody.register()
    answer = other.register(**{taken: getattr(somebody, taken).upper()})
    assert answer.status == 409
    assert answer.body["detail"] == "An account with this username or e-mail address exists already."
    assert users.rows("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM outbox)") == [(1, 1)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("password", "short-1"),
        ("password", "x" * 129),
        ("password", "password123"),
        ("password", "QWERTYUIOP"),
        # Full width, and letters whose accents are characters of their own: the same word, and seven letters.
        ("password", "\uff50assword123"),
        ("password", "e\u0301" * 7),
        ("username", "ab"),
        ("username", "with space"),
        ("username", "an@address"),
        ("username", "ending\n"),
        ("username", "invisible\u200b"),
        ("username", "a" * 31),
        ("email", "nobody"),
        ("email", "a@b"),
        ("email", "two@@example.com"),
        ("email", "line\nbreak@example.com"),
        ("email", "ending@example.com\n"),
        ("email", "invisible\u200b@example.com"),
        ("email", f"{'a' * 250}@example.com"),
        ("isAdmin", True),
    ],
)
def test_a_wrong_field_is_named(users: Database, field: str, value: object) -> None:
    """400 names the field that breaks a rule, and nothing is stored."""
    answer = Client().register(**{field: value})
    assert answer.status == 400
    assert [problem["path"] for problem in answer.body["errors"]] == [field]
    assert users.rows("SELECT FROM users") == []


@pytest.mark.parametrize("length", [8, 128])
def test_passwords_of_8_to_128_characters_are_taken_whole(users: Database, length: int) -> None:
    """The limits themselves are allowed, any character is, and the last one counts."""
    somebody = Client(password="ü" * (length - 1) + "😀")
    assert somebody.register().status == 201
    assert somebody.log_in(username=somebody.username, password="ü" * length).status == 401
    assert somebody.log_in().status == 200


def test_the_documents_request_works_where_the_check_is_off(users: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """COMMON_PASSWORD_CHECK=off takes a common password, and what is neither on nor off lets nobody register."""
    body = {"username": "testuser", "email": "test@example.com", "password": "password123"}
    assert call(register_user.handler, "POST", body).status == 400
    monkeypatch.setenv("COMMON_PASSWORD_CHECK", "no")
    assert call(register_user.handler, "POST", body).status == 500
    monkeypatch.setenv("COMMON_PASSWORD_CHECK", "off")
    assert call(register_user.handler, "POST", body | {"password": "short"}).status == 400
    assert call(register_user.handler, "POST", body | {"password": "testuser"}).status == 400
    assert call(register_user.handler, "POST", body).status == 201


def test_the_username_is_no_password(users: Database) -> None:
    """A password that is the username or the address is refused."""
    somebody = Client()
    assert somebody.register(password=somebody.username.upper()).status == 400
    assert somebody.register(password=somebody.email).status == 400


def test_of_two_registrations_at_once_one_wins(users: Database) -> None:
    """Twenty transactions that add the same name at the same time leave one account, and nineteen conflicts."""
    registration = Registration(username="somebody", email="somebody@example.com", password="unused here")

    def add(_: int) -> bool:
        with users.connect("app") as connection:
            try:
                store.add_user(connection, ids.new(), registration, "hash")
            except ConflictError:
                return False
            return True

    with ThreadPoolExecutor(20) as pool:
        assert sum(pool.map(add, range(20))) == 1
    assert users.rows("SELECT count(*) FROM users") == [(1,)]


def test_a_repeated_registration_gets_its_first_answer(users: Database) -> None:
    """With the same Idempotency-Key there is one account, one event, and twice the same answer."""
    somebody, headers = Client(), {"Idempotency-Key": str(uuid4())}
    body = {"username": somebody.username, "email": somebody.email, "password": somebody.password}
    first, second = (call(register_user.handler, "POST", body, headers=headers) for _ in range(2))
    assert (first.status, second.status) == (201, 201)
    assert first.body == second.body
    assert second.headers["Idempotency-Replayed"] == "true"
    assert users.rows("SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM outbox)") == [(1, 1)]


def test_registrations_from_one_address_are_limited(users: Database) -> None:
    """The eleventh at once is told to wait, before it costs a hash; another address is not affected."""
    address = str(uuid4())
    answers = [call(register_user.handler, "POST", {}, address=address) for _ in range(11)]
    assert [answer.status for answer in answers] == [400] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert call(register_user.handler, "POST", {}).status == 400


def test_nothing_personal_is_logged(users: Database, log: Callable[[], str]) -> None:
    """Names, addresses, passwords and tokens are in no line of the log, whatever succeeds or fails."""
    somebody, other = Client(), Client()
    somebody.register()
    somebody.log_in()
    secrets = {somebody.access_token, somebody.refresh_token}
    other.register(email=somebody.email)
    other.register(email="not an address", password="short")
    other.log_in()
    somebody.log_in(email=somebody.email, password="wrong password")
    somebody.profile()
    old = somebody.refresh_token
    somebody.update(username=f"{somebody.username}-2")
    somebody.refresh()
    secrets |= {somebody.access_token, somebody.refresh_token}
    somebody.refresh(old)
    somebody.transact({"amountCents": 5, "currency": "EUR", "description": "a private matter"})
    somebody.log_out()
    Client(access_token="no token").profile()
    for private in (somebody, other):
        secrets |= {private.username, private.email, private.password}
    text = log()
    assert text.count('"request"') == 13
    assert [secret for secret in secrets | {"a private matter", "wrong password"} if secret in text] == []
