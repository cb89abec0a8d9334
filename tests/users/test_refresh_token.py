"""POST /api/v1/auth/refresh and POST /api/v1/auth/logout."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.web import rate_limit
from kernel.web.rate_limit import Rate
from tests.kit.api import Handler, call
from tests.kit.databases import Database
from tests.kit.servers import wait_until
from tests.users.conftest import Client, waiting
from users import log_out, refresh_token, sessions
from users.sessions import Rotated
from users.token_families import RefreshToken, Use


def let_pass(users: Database, seconds: int) -> None:
    """Move the last refresh of every session back, instead of waiting."""
    users.rows("UPDATE sessions SET rotated_at = rotated_at - make_interval(secs => %s) RETURNING id", seconds)


def test_a_refresh_token_is_good_once(users: Database, client: Client) -> None:
    """It gives new tokens, both of which work; an older one does not, and ends the session."""
    first = client.refresh_token
    answer = client.refresh()
    assert answer.status == 200
    assert set(answer.body) == {"token", "accessToken", "refreshToken", "tokenType", "expiresIn"}
    assert client.refresh_token != first
    assert client.profile().status == 200
    assert client.refresh().status == 200
    assert client.refresh(first).status == 401
    assert client.refresh().status == 401


def test_two_tabs_that_refresh_at_once_stay_logged_in(users: Database, client: Client) -> None:
    """For ten seconds the replaced token is refused, as often as it is sent, and its successor stays good."""
    first = client.refresh_token
    assert client.refresh().status == 200
    let_pass(users, 9)
    for headers in ({}, {"Idempotency_Key": str(uuid4())}):
        refused = client.refresh(first, **headers)
        assert refused.status == 401
        assert "replaced a moment ago" in refused.body["detail"]
    assert client.refresh().status == 200


def test_a_replaced_token_ends_the_session_after_ten_seconds(users: Database, client: Client) -> None:
    """By then both tabs have the new one, so that it was stolen."""
    first = client.refresh_token
    assert client.refresh().status == 200
    let_pass(users, 10)
    assert client.refresh(first).status == 401
    assert client.refresh().status == 401


def test_one_sessions_end_leaves_the_others(client: Client) -> None:
    """The theft of one device's token logs that device out alone."""
    other = Client(client.username, client.password)
    other.log_in()
    stolen = client.refresh_token
    client.refresh()
    client.refresh()
    assert client.refresh(stolen).status == 401
    assert client.refresh().status == 401
    assert other.refresh().status == 200


def made_up(token: str) -> str:
    """Return a token of the same session as *token* that the session never had."""
    return RefreshToken.new(RefreshToken.parse(token).session_id, b"a key of somebody else").text()


def test_a_sessions_id_ends_nothing(client: Client) -> None:
    """Who knows it, from a log for instance, is refused at refresh and log-out, and the user stays logged in."""
    token = made_up(client.refresh_token)
    assert client.refresh(token).status == 401
    assert client.log_out(token).status == 401
    assert client.refresh().status == 200


def test_a_session_of_before_the_upgrade_goes_on(users: Database, client: Client) -> None:
    """Its tokens have no tag, so that any other of its tokens ends it, as it did then."""
    users.rows("UPDATE sessions SET family_key = NULL RETURNING id")
    client.refresh_token = RefreshToken.parse(client.refresh_token)._replace(tag=b"").text()
    assert client.refresh().status == 200
    assert client.refresh().status == 200
    assert client.refresh(made_up(client.refresh_token)).status == 401
    assert client.refresh().status == 401


def test_logging_out_ends_the_session(client: Client) -> None:
    """204 without a body, also the second time; the refresh token is no good afterwards."""
    answer = client.log_out()
    assert (answer.status, answer.body) == (204, None)
    assert client.log_out().status == 204
    assert client.refresh().status == 401


def test_a_tab_that_missed_a_refresh_logs_out(users: Database, client: Client) -> None:
    """The replaced token ends the session whenever that is; an older one does not."""
    oldest = client.refresh_token
    client.refresh()
    replaced = client.refresh_token
    client.refresh()
    let_pass(users, 3600)
    assert client.log_out(oldest).status == 401
    assert client.log_out(replaced).status == 204
    assert client.refresh().status == 401


@pytest.mark.parametrize("token", ["x", "ä" * 64, "A" * 64, "-" * 63])
def test_what_is_no_token_of_ours_is_refused(users: Database, token: str) -> None:
    """401, and never an error of ours."""
    assert Client().refresh(token).status == 401
    assert Client().log_out(token).status == 401


@pytest.mark.parametrize("handler", [refresh_token.handler, log_out.handler])
def test_tokens_that_do_not_hold_are_counted(client: Client, handler: Handler, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a burst from one address 429; a good one from there is taken still."""
    monkeypatch.setitem(rate_limit.RATES, "refusal", Rate(burst=3, seconds=60))
    address = str(uuid4())
    bodies = [{"refreshToken": each} for each in ("nonsense", made_up(client.refresh_token))]
    answers = [call(handler, "POST", body, address=address) for body in (*bodies, *bodies)]
    assert [answer.status for answer in answers] == [401, 401, 401, 429]
    assert call(handler, "POST", {"refreshToken": client.refresh_token}, address=address).status in (200, 204)


def test_a_token_has_one_spelling(client: Client) -> None:
    """What base64 allows beside the characters that we sent is refused."""
    for other in (f"{client.refresh_token}\n", f" {client.refresh_token}", f"{client.refresh_token}===="):
        assert client.refresh(other).status == 401
        assert client.log_out(other).status == 401
    assert client.refresh().status == 200


def test_a_session_ends_after_thirty_days(users: Database, client: Client) -> None:
    """However often it was refreshed; the next log-in clears it away."""
    client.refresh()
    users.rows("UPDATE sessions SET expires_at = expires_at - interval '30 days' RETURNING id")
    assert client.refresh().status == 401
    client.log_in()
    assert users.rows("SELECT count(*) FROM sessions") == [(1,)]


def test_only_a_hash_of_the_token_is_stored(users: Database, client: Client) -> None:
    """Who reads the table cannot refresh: neither the token nor its secret is in it."""
    [(row,)] = users.rows("SELECT sessions::text FROM sessions")
    token = RefreshToken.parse(client.refresh_token)
    assert client.refresh_token not in row
    assert token.secret.hex() not in row
    assert token.hash().hex() in row


def test_a_lost_answer_can_be_asked_for_again(client: Client) -> None:
    """The same token with the same Idempotency-Key gives the same new token, as often as it is asked for."""
    old, key = client.refresh_token, str(uuid4())
    answers = [client.refresh(old, Idempotency_Key=key) for _ in range(3)]
    assert [answer.status for answer in answers] == [200] * 3
    assert len({answer.body["refreshToken"] for answer in answers}) == 1
    assert client.refresh().status == 200


def test_a_thief_does_not_know_the_idempotency_key(users: Database, client: Client) -> None:
    """The old token with another key, or once its successor was used, is reuse."""
    old, key = client.refresh_token, str(uuid4())
    client.refresh(old, Idempotency_Key=key)
    let_pass(users, 10)
    assert client.refresh(old, Idempotency_Key=str(uuid4())).status == 401
    assert client.refresh().status == 401
    client.log_in()
    old = client.refresh_token
    client.refresh(old, Idempotency_Key=key)
    client.refresh()
    assert client.refresh(old, Idempotency_Key=key).status == 401
    assert client.refresh().status == 401


def test_a_guessable_idempotency_key_is_refused(client: Client) -> None:
    """400, and the token is not used up."""
    assert client.refresh(Idempotency_Key="1").status == 400
    assert client.refresh().status == 200


def test_of_refreshes_at_once_one_wins_and_the_session_goes_on(users: Database, client: Client) -> None:
    """Eight more that use a token while its refresh is under way wait for it and get nothing."""
    token = RefreshToken.parse(client.refresh_token)

    def refresh(_: int) -> Rotated | Use:
        with users.connect("app") as connection, connection.transaction():
            return sessions.rotate(connection, token)

    with ThreadPoolExecutor(8) as pool:
        with users.connect("app") as first, first.transaction():
            rotated = sessions.rotate(first, token)
            others = [pool.submit(refresh, number) for number in range(8)]
            wait_until(lambda: waiting(users) == 8, what="the others to wait")
        assert [other.result() for other in others] == [Use.RACE] * 8
    assert isinstance(rotated, Rotated)
    assert client.refresh(rotated.token.text()).status == 200


@dataclass
class Expected:
    """What a session's tokens are good for: all that it had, in order, whether it lives, and for how long the last."""

    tokens: list[str]
    lives: bool = True
    seconds: int = 0

    def refresh(self, token: str) -> bool:
        """Return whether *token* is replaced; a theft ends the session."""
        late = token != self.tokens[-1] and (token != self.tokens[-2] or self.seconds >= 10)
        self.lives = self.lives and not late
        return self.lives and token == self.tokens[-1]

    def log_out(self, token: str) -> bool:
        """Return whether *token* ends the session."""
        good = token in self.tokens[-2:]
        self.lives = self.lives and not good
        return good


ACTIONS = st.sampled_from(["refresh", "refresh", "log out", "log in", "wait"])


@given(st.lists(st.tuples(ACTIONS, st.integers(0, 30)), max_size=25))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_only_the_last_token_of_a_living_session_is_good(users: Database, steps: list[tuple[str, int]]) -> None:
    """Whatever tokens are used in whatever order and after whatever time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATE_LIMIT_FACTOR", "1000")
        client = Client()
        client.register()
        expected: list[Expected] = []
        for action, choice in [("log in", 0), *steps]:
            issued = [(each, token) for each in expected for token in each.tokens]
            session, token = issued[choice % len(issued)] if issued else (None, "")
            if action == "wait":
                let_pass(users, choice)
                for each in expected:
                    each.seconds += choice
            elif action == "log in" or session is None:
                client.log_in()
                expected.append(Expected([client.refresh_token]))
            elif action == "log out":
                assert client.log_out(token).status == (204 if session.log_out(token) else 401)
            elif session.refresh(token):
                assert client.refresh(token).status == 200
                session.tokens.append(client.refresh_token)
                session.seconds = 0
            else:
                assert client.refresh(token).status == 401
        for each in expected:
            assert client.refresh(each.tokens[-1]).status == (200 if each.lives else 401)
