"""What an operator lets an account do."""

import msgspec
import pytest

from kernel.errors import NotFoundError
from kernel.web import tokens
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.users.conftest import Client
from users import change_scopes


@pytest.fixture
def _as_owner(users: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's role; a test logs in before."""
    monkeypatch.setenv("DATABASE_URL_USERS", users.url("owner"))


@pytest.mark.usefixtures("_as_owner")
def test_the_next_token_has_what_was_granted_and_not_what_was_revoked(client: Client, context: Context) -> None:
    """Granting twice grants once; revoking what is not there changes nothing."""
    for _ in range(2):
        answer = change_scopes.handler({"username": client.username.upper(), "grant": ["catalog:write"]}, context)
        assert (answer["username"], answer["scopes"]) == (client.username, ["catalog:write", "user"])
    assert _scopes(client) == {"user", "catalog:write"}

    for _ in range(2):
        answer = change_scopes.handler({"username": client.username, "revoke": ["catalog:write"]}, context)
        assert answer["scopes"] == ["user"]
    assert _scopes(client) == {"user"}


@pytest.mark.usefixtures("_as_owner")
def test_an_unknown_account_is_named(context: Context) -> None:
    """Nothing is changed silently for a name that was misspelt."""
    with pytest.raises(NotFoundError, match="There is no account 'nobody-of-that-name'"):
        change_scopes.handler({"username": "nobody-of-that-name", "grant": ["catalog:write"]}, context)


@pytest.mark.usefixtures("_as_owner")
def test_an_unknown_scope_is_refused(client: Client, context: Context) -> None:
    """A misspelt scope would let nobody in anywhere."""
    with pytest.raises(msgspec.ValidationError, match="catalog:own"):
        change_scopes.handler({"username": client.username, "grant": ["catalog:own"]}, context)


def _scopes(client: Client) -> frozenset[str]:
    assert client.log_in().status == 200
    return tokens.verify(client.access_token).scopes
