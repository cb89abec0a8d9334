"""POST /api/v1/auth/refresh and POST /api/v1/auth/logout."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.databases import Database
from tests.servers import wait_until
from tests.users.conftest import Client
from users import sessions
from users.model import RefreshToken


def test_a_refresh_token_is_good_once(client: Client) -> None:
    """It gives new tokens, both of which work; the old one does not, and ends the session."""
    first = client.refresh_token
    answer = client.refresh()
    assert answer.status == 200
    assert set(answer.body) == {"token", "accessToken", "refreshToken", "tokenType", "expiresIn"}
    assert client.refresh_token != first
    assert client.profile().status == 200
    assert client.refresh().status == 200
    assert client.refresh(first).status == 401
    assert client.refresh().status == 401


def test_one_sessions_end_leaves_the_others(client: Client) -> None:
    """The theft of one device's token logs that device out alone."""
    other = Client(client.username, client.password)
    other.log_in()
    stolen = client.refresh_token
    client.refresh()
    assert client.refresh(stolen).status == 401
    assert client.refresh().status == 401
    assert other.refresh().status == 200


def test_logging_out_ends_the_session(client: Client) -> None:
    """204 without a body, also the second time; the refresh token is no good afterwards."""
    answer = client.log_out()
    assert (answer.status, answer.body) == (204, None)
    assert client.log_out().status == 204
    assert client.refresh().status == 401


@pytest.mark.parametrize("token", ["x", "ä" * 64, "A" * 64, "-" * 63])
def test_what_is_no_token_of_ours_is_refused(users: Database, token: str) -> None:
    """401, and never an error of ours."""
    assert Client().refresh(token).status == 401
    assert Client().log_out(token).status in (204, 401)


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


def test_a_thief_does_not_know_the_idempotency_key(client: Client) -> None:
    """The old token with another key, or once its successor was used, is reuse."""
    old, key = client.refresh_token, str(uuid4())
    client.refresh(old, Idempotency_Key=key)
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


def test_of_refreshes_at_once_one_wins_and_the_session_ends(users: Database, client: Client) -> None:
    """Eight more that use a token while its refresh is under way wait for it, get nothing, and end the session."""
    token = RefreshToken.parse(client.refresh_token)

    def refresh(_: int) -> RefreshToken | None:
        with users.connect("app") as connection, connection.transaction():
            rotated = sessions.rotate(connection, token, token.successor(None))
            return rotated.token if rotated else None

    with ThreadPoolExecutor(8) as pool:
        with users.connect("app") as first, first.transaction():
            rotated = sessions.rotate(first, token, token.successor(None))
            others = [pool.submit(refresh, number) for number in range(8)]
            wait_until(lambda: waiting(users) == 8, what="the others to wait")
        assert [other.result() for other in others] == [None] * 8
    assert rotated is not None
    assert client.refresh(rotated.token.text()).status == 401


def waiting(users: Database) -> int:
    """How many sessions wait for a lock, as a superuser sees them."""
    query = "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with psycopg.connect(users.server) as superuser:
        return superuser.execute(query, (users.name,)).rowcount


@given(st.lists(st.tuples(st.sampled_from(["refresh", "log out", "log in"]), st.integers(0, 30)), max_size=25))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_only_the_last_token_of_a_living_session_is_good(users: Database, steps: list[tuple[str, int]]) -> None:
    """Whatever tokens are used in whatever order: a session lives until one of its old tokens, or log-out, is seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RATE_LIMIT_FACTOR", "1000")
        client = Client()
        client.register()
        issued: list[tuple[str, int]] = []  # every token ever, and its session's number
        last: dict[int, str] = {}  # the good token of each living session
        for number, (action, choice) in enumerate([("log in", 0), *steps]):
            token, session = issued[choice % len(issued)] if issued else ("", 0)
            if action == "log in":
                client.log_in()
                issued.append((client.refresh_token, number))
                last[number] = client.refresh_token
            elif action == "log out":
                assert client.log_out(token).status == 204
                last.pop(session, None)
            elif last.get(session) == token:
                assert client.refresh(token).status == 200
                issued.append((client.refresh_token, session))
                last[session] = client.refresh_token
            else:
                assert client.refresh(token).status == 401
                last.pop(session, None)
        for session, token in last.items():
            assert client.refresh(token).status == 200, session
