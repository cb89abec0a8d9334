"""POST /api/v1/auth/login."""

import functools
import statistics
import time
import unicodedata
from uuid import uuid4

import argon2
import jwt
import pytest

from tests.kit.databases import Database
from tests.users.conftest import Client, user_id
from users import passwords


def test_the_answer_has_both_tokens(client: Client) -> None:
    """200 with token = accessToken, a refresh token, the type and 15 minutes in seconds."""
    answer = client.log_in()
    assert answer.status == 200
    assert set(answer.body) == {"token", "accessToken", "refreshToken", "tokenType", "expiresIn"}
    assert answer.body["token"] == answer.body["accessToken"]
    assert (answer.body["tokenType"], answer.body["expiresIn"]) == ("Bearer", 900)
    assert answer.headers["Cache-Control"] == "no-store"


def test_the_access_token_is_what_verifiers_expect(users: Database, client: Client) -> None:
    """ES256, at+jwt, a key id, and the claims of RFC 9068 with the user's id and scope."""
    header = jwt.get_unverified_header(client.access_token)
    claims = jwt.decode(client.access_token, options={"verify_signature": False})
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert header["kid"]
    assert claims["sub"] == str(user_id(users, client))
    assert (claims["iss"], claims["aud"], claims["scope"]) == ("https://millrace.local", "millrace", "user")
    assert claims["exp"] - claims["iat"] == 900
    assert "@" not in str(claims)


def test_both_names_work_in_any_case(client: Client) -> None:
    """A user logs in with the username or the e-mail address, however it is written."""
    assert client.log_in(username=client.username.upper(), password=client.password).status == 200
    assert client.log_in(email=client.email.upper(), password=client.password).status == 200


def test_scopes_that_an_operator_gave_are_in_the_token(users: Database, client: Client) -> None:
    """They come with the next log-in and with the next refresh."""
    users.rows("UPDATE users SET scopes = '{user,products:write}' RETURNING id")
    client.refresh()
    assert jwt.decode(client.access_token, options={"verify_signature": False})["scope"] == "user products:write"
    client.log_in()
    assert jwt.decode(client.access_token, options={"verify_signature": False})["scope"] == "user products:write"


def test_unknown_user_and_wrong_password_look_the_same(client: Client) -> None:
    """401 with the same text and the same headers."""
    unknown = client.log_in(username=f"nobody-{uuid4().hex[:8]}", password=client.password)
    wrong = client.log_in(username=client.username, password="not the password")
    assert unknown.status == wrong.status == 401
    assert unknown.body["detail"] == wrong.body["detail"]
    assert set(unknown.headers) == set(wrong.headers)
    assert unknown.headers["WWW-Authenticate"] == "Bearer"


def test_unknown_user_and_wrong_password_take_the_same_time(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The medians of interleaved attempts differ by less than a fifth of a hash: no list of users can be made."""
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "1000")

    def milliseconds(username: str) -> float:
        started = time.perf_counter()
        assert client.log_in(username=username, password="not the password").status == 401
        return (time.perf_counter() - started) * 1000

    pairs = [(milliseconds(f"nobody-{uuid4().hex}"), milliseconds(client.username)) for _ in range(80)]
    started = time.perf_counter()
    passwords.hash_password("any password")
    hashing = (time.perf_counter() - started) * 1000
    difference = statistics.median(unknown - wrong for unknown, wrong in pairs)
    assert abs(difference) < 0.2 * max(hashing, 10), f"{difference:.2f} ms apart, a hash takes {hashing:.2f} ms"


def test_the_dummy_hash_costs_what_a_real_one_does() -> None:
    """It has today's parameters; whoever raises them must make a new one."""
    assert not passwords.is_outdated(passwords.DUMMY_HASH, "any password")
    assert not passwords.verify(None, "any password")


def test_a_weaker_hash_is_replaced_at_log_in(users: Database, client: Client) -> None:
    """When the parameters rise, the next log-in stores a hash made with them; the one after stores none."""
    weak = argon2.PasswordHasher(memory_cost=8_192, time_cost=1, parallelism=1).hash(client.password)
    users.rows("UPDATE users SET password_hash = %s RETURNING id", weak)
    assert client.log_in().status == 200
    [(stored,)] = users.rows("SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert client.log_in().status == 200
    assert users.rows("SELECT password_hash FROM users") == [(stored,)]


@pytest.mark.parametrize("typed", ["composed", "decomposed", "full width"])
@pytest.mark.parametrize("chosen", ["composed", "decomposed", "full width"])
def test_a_password_is_the_same_however_a_keyboard_writes_it(users: Database, chosen: str, typed: str) -> None:
    """Chosen and typed as other code points of the same characters, it logs in; without its accent it does not."""
    spellings = {
        "composed": "\u00e9lan \u00fcber alles",
        "decomposed": "e\u0301lan u\u0308ber alles",
        "full width": "\u00e9\uff4c\uff41\uff4e\u3000\u00fcber alles",
    }
    somebody = Client(password=spellings[chosen])
    assert somebody.register().status == 201
    assert somebody.log_in(username=somebody.username, password=spellings[typed]).status == 200
    assert somebody.log_in(username=somebody.username, password="elan uber alles").status == 401


def test_the_longest_password_is_taken_in_every_spelling(users: Database) -> None:
    """128 characters, each of which a keyboard may write as four."""
    somebody = Client(password="\u1f82" * 128)
    assert somebody.register().status == 201
    decomposed = unicodedata.normalize("NFD", somebody.password)
    assert len(decomposed) == 4 * 128
    assert somebody.log_in(username=somebody.username, password=decomposed).status == 200


def test_a_hash_of_a_password_as_it_was_typed_is_replaced(users: Database, client: Client) -> None:
    """From before passwords were normalized: it verifies, and from then on in every spelling."""
    typed, composed = "e\u0301lan u\u0308ber", "\u00e9lan \u00fcber"
    old = argon2.PasswordHasher(memory_cost=19_456, time_cost=2, parallelism=1).hash(typed)
    users.rows("UPDATE users SET password_hash = %s RETURNING id", old)
    assert client.log_in(username=client.username, password=composed).status == 401
    assert client.log_in(username=client.username, password=typed).status == 200
    [(stored,)] = users.rows("SELECT password_hash FROM users")
    assert client.log_in(username=client.username, password=composed).status == 200
    assert client.log_in(username=client.username, password=typed).status == 200
    assert users.rows("SELECT password_hash FROM users") == [(stored,)]


@pytest.mark.parametrize("name", ["{}\n", " {}", "{}\u200b", "\u0130{}", "\u212a{}"])
def test_what_cannot_be_a_name_is_refused(client: Client, name: str) -> None:
    """Neither spaces nor letters whose lower case is ASCII: they would be counted as another account's attempts."""
    for field, known in (("username", client.username), ("email", client.email)):
        answer = client.log_in(**{field: name.format(known)}, password=client.password)
        assert answer.status == 400
        assert [error["path"] for error in answer.body["errors"]] == [field]


def test_a_log_in_with_the_password_of_before_opens_no_session(
    users: Database, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the password be changed after the old one was verified, the answer is 401."""
    verify = passwords.verify

    def change_meanwhile(stored: str | None, password: str) -> bool:
        fits = verify(stored, password)
        users.rows("UPDATE users SET password_changed_at = now() RETURNING id")
        return fits

    monkeypatch.setattr(passwords, "verify", change_meanwhile)
    assert client.log_in().status == 401
    assert users.rows("SELECT count(*) FROM sessions") == [(1,)]


@pytest.mark.parametrize("names", [{}, {"username": "somebody", "email": "somebody@example.com"}])
def test_one_of_both_names_is_needed(users: Database, names: dict[str, str]) -> None:
    """Neither and both are a 400."""
    assert Client().log_in(**names, password="any password").status == 400


@pytest.mark.parametrize("redis_is_up", [True, False])
def test_attempts_on_one_account_are_limited_wherever_they_come_from(
    client: Client, monkeypatch: pytest.MonkeyPatch, *, redis_is_up: bool
) -> None:
    """Ten at once, then 429, by either letter case; with Redis down this process counts. Others can log in."""
    other = Client()
    other.register()
    if not redis_is_up:
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    name = f"victim-{uuid4().hex[:10]}"
    attempt = functools.partial(client.log_in, password="not the password")
    assert {attempt(username=name).status for _ in range(5)} == {401}
    assert {attempt(username=name.upper()).status for _ in range(5)} == {401}
    refused = attempt(username=name)
    assert refused.status == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 6
    assert other.log_in().status == 200
