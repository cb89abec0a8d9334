"""What an operator lets an account do."""

import pytest

from kernel.web import tokens
from tests.kit.databases import Database
from tests.kit.lambda_events import Context
from tests.kit.operations import run
from tests.users.conftest import Client
from users import change_scopes


@pytest.fixture
def _as_owner(users: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The function's role; a test logs in before."""
    monkeypatch.setenv("DATABASE_URL_USERS", users.url("owner"))


@pytest.mark.usefixtures("_as_owner")
def test_the_next_token_has_what_was_granted_and_not_what_was_revoked(client: Client) -> None:
    """Granting twice grants once; revoking what is not there changes nothing."""
    for _ in range(2):
        answer = run(change_scopes.handler, username=client.username.upper(), grant=["catalog:write"])
        assert (answer["username"], answer["scopes"]) == (client.username, ["catalog:write", "user"])
    assert _scopes(client) == {"user", "catalog:write"}

    for _ in range(2):
        answer = run(change_scopes.handler, username=client.username, revoke=["catalog:write"])
        assert answer["scopes"] == ["user"]
    assert _scopes(client) == {"user"}


@pytest.mark.usefixtures("_as_owner")
def test_an_unknown_account_is_named(context: Context) -> None:
    """Nothing is changed silently for a name that was misspelt."""
    answer = change_scopes.handler({"username": "nobody-of-that-name", "grant": ["catalog:write"]}, context)
    assert answer["error"]["message"] == "There is no account 'nobody-of-that-name'."


@pytest.mark.usefixtures("_as_owner")
def test_an_unknown_scope_is_refused(client: Client, context: Context) -> None:
    """A misspelt scope would let nobody in anywhere."""
    answer = change_scopes.handler({"username": client.username, "grant": ["catalog:own"]}, context)
    [field] = answer["error"]["fields"]
    assert field["path"] == "grant[0]"
    assert "catalog:own" in field["message"]


def _scopes(client: Client) -> frozenset[str]:
    assert client.log_in().status == 200
    return tokens.verify(client.access_token).scopes
