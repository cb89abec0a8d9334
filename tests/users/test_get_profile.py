"""GET /api/v1/auth/profile."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from redis import Redis

from tests.kit.api import call
from tests.kit.databases import Database
from tests.users.conftest import Client, user_id
from users import get_profile


def test_a_user_reads_their_own_profile(users: Database, client: Client) -> None:
    """200 with what registration answered, and nothing of the password."""
    answer = client.profile()
    assert answer.status == 200
    assert answer.body["id"] == str(user_id(users, client))
    assert set(answer.body) == {"id", "username", "email", "createdAt", "updatedAt"}
    assert answer.body["createdAt"].endswith("Z")


def test_the_profile_is_cached_without_the_password(users: Database, client: Client, redis: str) -> None:
    """The second read needs no database; what Redis holds is the answer itself, and not for long."""
    first = client.profile()
    key = f"cache:{{users.profile:{first.body['id']}}}"
    with Redis.from_url(redis) as server:
        cached = server.get(key)
        assert isinstance(cached, bytes)
        assert b"argon2" not in cached
        assert 0 < server.ttl(key) <= 60
    users.rows("UPDATE users SET email = 'not@seen.example' RETURNING id")
    assert client.profile().body == first.body


@pytest.mark.usefixtures("without_redis")
def test_without_redis_the_database_answers(client: Client) -> None:
    """The same answer, and a change is seen at once."""
    assert client.profile().body["username"] == client.username
    client.update(username=f"{client.username}-2")
    assert client.profile().body["username"] == f"{client.username}-2"


def test_without_a_token_nothing_is_read(users: Database, sign_in: Callable[..., dict[str, str]]) -> None:
    """401 with WWW-Authenticate; a token without the scope is a 403."""
    answer = call(get_profile.handler)
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert call(get_profile.handler, headers=sign_in(uuid4(), scope="products:write")).status == 403


def test_an_account_that_is_gone_is_not_found(users: Database, sign_in: Callable[..., dict[str, str]]) -> None:
    """A token that still holds does not bring it back: 404."""
    assert call(get_profile.handler, headers=sign_in(uuid4())).status == 404
