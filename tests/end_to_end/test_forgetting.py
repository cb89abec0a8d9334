"""An account is deleted, as curl does it, and every domain of the running cloud forgets the person."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.accounts import Account, registered
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

TEXT = {"title": "Mine", "content": "Words."}


@pytest.fixture
def api(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as client:
        yield client


@pytest.fixture
def account(api: httpx.Client) -> Account:
    return registered(api)


def test_every_domain_forgets_who_deleted_their_account(api: httpx.Client, account: Account) -> None:
    """DELETE with the password → 204 → nothing of the person is to be read, and their token creates nothing."""
    post = _made(api, account, "/api/v1/blogs", TEXT)["id"]
    _made(api, account, "/api/v1/notes", TEXT)
    _made(api, account, "/api/v1/transactions", {"amountCents": 5, "currency": "EUR", "description": "Mine"})
    api.post("/events/generate", json={"userId": str(account.id), "eventType": "LOGIN"})
    wait_until(lambda: _is_known(api, account), seconds=60, what="all that the person did")

    path = "/api/v1/users/profile"
    refused = api.request("DELETE", path, json={"currentPassword": "a wrong one"}, headers=account.headers)
    assert refused.status_code == 403
    deleted = api.request("DELETE", path, json={"currentPassword": account.password}, headers=account.headers)
    assert (deleted.status_code, deleted.content) == (204, b"")

    wait_until(lambda: _is_forgotten(api, account), seconds=60, what="everybody's forgetting")
    wait_until(lambda: api.get(f"/api/v1/blogs/{post}").status_code == 404, seconds=30, what="the post's end")
    assert api.get(path, headers=account.headers).status_code == 404
    credentials = {"username": account.username, "password": account.password}
    assert api.post("/api/v1/auth/login", json=credentials).status_code == 401
    for route in ("/api/v1/blogs", "/api/v1/notes"):
        late = api.post(route, json=TEXT, headers=account.headers)
        assert (late.status_code, late.json()["title"]) == (401, "Unauthorized")
        assert late.json()["detail"].startswith("This account was deleted.")


def _made(api: httpx.Client, account: Account, path: str, body: object) -> dict[str, Any]:
    answer = api.post(path, json=body, headers=account.headers)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _list(api: httpx.Client, account: Account, path: str) -> list[dict[str, Any]]:
    answer = api.get(path, headers=account.headers)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def _did_something(api: httpx.Client, account: Account) -> bool:
    return any(event["user_id"] == str(account.id) for event in _list(api, account, "/events/processed"))


def _is_known(api: httpx.Client, account: Account) -> bool:
    return all(
        (
            _list(api, account, "/api/v1/notes"),
            len(_list(api, account, "/api/v1/notifications/user")) == 2,
            [entry["description"] for entry in _list(api, account, "/api/v1/transactions")] == ["Mine"],
            _did_something(api, account),
        )
    )


def _is_forgotten(api: httpx.Client, account: Account) -> bool:
    """The ledger keeps the amount; the rest is empty."""
    return not any(
        (
            _list(api, account, f"/api/v1/blogs?authorId={account.id}"),
            _list(api, account, "/api/v1/notes"),
            _list(api, account, "/api/v1/notifications/user"),
            [entry["description"] for entry in _list(api, account, "/api/v1/transactions")] != [""],
            _did_something(api, account),
        )
    )
