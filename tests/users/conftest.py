"""A users database, keys that sign, and somebody who registers and logs in."""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from io import StringIO
from uuid import UUID, uuid4

import psycopg
import pytest

from kernel.telemetry import logger
from tests.kit import domains, tokens
from tests.kit.api import Answer, call
from tests.kit.databases import Database
from users import (
    change_password,
    create_transaction,
    delete_account,
    get_profile,
    log_in,
    log_out,
    refresh_token,
    register_user,
    update_profile,
)


@dataclass
class Client:
    """Somebody with a browser. Each makes up a name of their own."""

    username: str = field(default_factory=lambda: f"user-{uuid4().hex[:20]}")
    password: str = field(default_factory=lambda: uuid4().hex)
    access_token: str = ""
    refresh_token: str = ""

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"

    def register(self, **changes: object) -> Answer:
        body = {"username": self.username, "email": self.email, "password": self.password}
        return call(register_user.handler, "POST", body | changes)

    def log_in(self, **body: object) -> Answer:
        answer = call(log_in.handler, "POST", body or {"username": self.username, "password": self.password})
        return self._keep(answer)

    def refresh(self, token: str | None = None, **headers: str) -> Answer:
        body = {"refreshToken": self.refresh_token if token is None else token}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._keep(call(refresh_token.handler, "POST", body, headers=named))

    def log_out(self, token: str | None = None) -> Answer:
        return call(log_out.handler, "POST", {"refreshToken": self.refresh_token if token is None else token})

    def profile(self) -> Answer:
        return call(get_profile.handler, headers=self._signed())

    def update(self, **body: object) -> Answer:
        return call(update_profile.handler, "PATCH", body, headers=self._signed())

    def change_password(self, **body: object) -> Answer:
        return self._keep(call(change_password.handler, "POST", body, headers=self._signed()))

    def delete(self, body: object = None) -> Answer:
        wanted = {"currentPassword": self.password} if body is None else body
        return call(delete_account.handler, "DELETE", wanted, headers=self._signed())

    def transact(self, body: object, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return call(create_transaction.handler, "POST", body, headers=self._signed() | named)

    def _signed(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}

    def _keep(self, answer: Answer) -> Answer:
        if answer.status == 200:
            self.access_token, self.refresh_token = answer.body["accessToken"], answer.body["refreshToken"]
        return answer


users = domains.database_fixture("users", SIGNING_KEYS=json.dumps(tokens.SIGNING_KEYS), PUBLIC_KEYS=tokens.PUBLIC_KEYS)


@pytest.fixture
def client(users: Database) -> Client:
    """Somebody who has registered and logged in."""
    somebody = Client()
    assert somebody.register().status == 201
    assert somebody.log_in().status == 200
    return somebody


@pytest.fixture
def without_redis(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens where Redis should be."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")


@pytest.fixture
def log() -> Iterator[Callable[[], str]]:
    """What was logged since the test began, down to the last detail."""
    written = StringIO()
    handlers = [each for each in logger._logger.handlers if isinstance(each, logging.StreamHandler)]
    before = [(handler, handler.setStream(written)) for handler in handlers]
    level = logger.log_level
    logger.setLevel("DEBUG")
    yield written.getvalue
    logger.setLevel(level)
    for handler, stream in before:
        handler.setStream(stream)


def user_id(users: Database, client: Client) -> UUID:
    [(found,)] = users.rows("SELECT id FROM users WHERE username = %s", client.username)
    return UUID(str(found))


def waiting(users: Database) -> int:
    """How many sessions wait for a lock, as a superuser sees them."""
    query = "SELECT FROM pg_stat_activity WHERE datname = %s AND wait_event_type = 'Lock'"
    with psycopg.connect(users.server) as superuser:
        return superuser.execute(query, (users.name,)).rowcount
