"""The walk of a new user through five domains, as curl does it."""

import functools
import itertools
import secrets
from collections.abc import Iterator
from uuid import UUID

import httpx
import pytest

from tests.end_to_end.accounts import Account, log_in, registered
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until
from tests.kit.ses import received_by_localstack


@pytest.fixture
def api(cloud: Cloud) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cloud.instance.api_url, timeout=30) as client:
        yield client


@pytest.fixture
def account(api: httpx.Client) -> Account:
    return registered(api)


def test_a_new_user_is_welcomed_in_the_list_and_by_e_mail(cloud: Cloud, api: httpx.Client, account: Account) -> None:
    """register → user-registered → notification → e-mail in SES, to the address that was given.

    The sender is run at once. That its schedule runs it, too, is in tests/faults/test_killed_servers.py.
    """
    welcome = f"Welcome, {account.username}! Your account has been created."
    wait_until(lambda: welcome in _messages(api, account), seconds=30, what="the welcome notification")
    cloud.operate("notifications.send_emails")
    address = f"{account.username}@example.com"
    received = functools.partial(received_by_localstack, cloud.instance.localstack_url, address)
    wait_until(received, seconds=90, what="the e-mail")
    [mail] = received()
    assert mail.get_content().strip() == welcome


def test_a_post_lives_and_tells_its_author(api: httpx.Client, account: Account) -> None:
    """create → in-app notification → update → list → delete → gone."""
    made = api.post("/api/v1/blogs", json={"title": "My Blog", "content": "# One"}, headers=account.headers)
    assert made.status_code == 201
    path = f"/api/v1/blogs/{made.json()['id']}"
    created = "Your blog My Blog has been created"
    wait_until(lambda: created in _messages(api, account), seconds=30, what="the in-app notification")

    changed = api.put(
        path,
        json={"title": "My Blog", "content": "# Two"},
        headers=account.headers | {"If-Match": made.headers["ETag"]},
    )
    assert changed.status_code == 200
    assert api.get(path).json()["content"] == "# Two"
    listed = api.get("/api/v1/blogs", params={"authorId": str(account.id)})
    assert [each["id"] for each in listed.json()] == [made.json()["id"]]

    assert api.delete(path, headers=account.headers).status_code == 204
    assert api.get(path).status_code == 404


def test_a_transaction_is_in_the_balance(api: httpx.Client, account: Account) -> None:
    """POST to the users domain → transaction_created → the ledger of the transactions domain, once for a repeated key."""
    booking = {"amountCents": 1250, "currency": "EUR", "description": "Coffee"}
    headers = account.headers | {"Idempotency-Key": str(account.id)}
    first, second = (api.post("/api/v1/transactions", json=booking, headers=headers) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert UUID(first.json()["id"]) == UUID(second.json()["id"])

    def balances() -> object:
        return api.get("/api/v1/transactions/balance", headers=account.headers).json()["balances"]

    expected = [{"currency": "EUR", "balanceCents": 1250, "transactions": 1}]
    wait_until(lambda: balances() == expected, seconds=30, what="the balance")
    [listed] = api.get("/api/v1/transactions", headers=account.headers).json()
    assert (listed["id"], listed["amountCents"]) == (first.json()["id"], 1250)


def test_a_note_is_found_by_its_words(api: httpx.Client, account: Account) -> None:
    """Full text search over own notes, with the hit marked."""
    note = {"title": "Plan", "content": "Buy <coffee> beans"}
    assert api.post("/api/v1/notes", json=note, headers=account.headers).status_code == 201
    [found] = api.get("/api/v1/notes", params={"q": "beans"}, headers=account.headers).json()
    assert "<mark>beans</mark>" in found["snippet"]


def test_a_profile_is_changed_and_a_session_ended(api: httpx.Client, account: Account) -> None:
    """PATCH shows in the next GET; a refresh token works once, and not after log-out."""
    address = f"new-{account.username}@example.com"
    change = {"email": address, "currentPassword": account.password}
    changed = api.patch("/api/v1/users/profile", json=change, headers=account.headers)
    assert changed.status_code == 200
    assert api.get("/api/v1/auth/profile", headers=account.headers).json()["email"] == address
    session = log_in(api, account.username, account.password)
    renewed = api.post("/api/v1/auth/refresh", json={"refreshToken": session["refreshToken"]})
    assert renewed.status_code == 200
    ended = api.post("/api/v1/auth/logout", json={"refreshToken": renewed.json()["refreshToken"]})
    assert ended.status_code == 204
    after = api.post("/api/v1/auth/refresh", json={"refreshToken": renewed.json()["refreshToken"]})
    assert after.status_code == 401


@pytest.mark.parametrize("prefix", ["/api/v1/auth", "/api/v1/users"])
def test_the_documents_requests_work_as_written(api: httpx.Client, prefix: str) -> None:
    """Their password is a common one, which the local stage takes; the answers have the fields that they name."""
    name = f"testuser{secrets.token_hex(4)}"
    registration = {"username": name, "email": f"{name}@example.com", "password": "password123"}
    made = api.post(f"{prefix}/register", json=registration)
    assert made.status_code == 201, made.text
    assert {"id", "username", "email", "createdAt"} <= made.json().keys()
    for login in ({"username": name}, {"email": registration["email"]}):
        token = api.post(f"{prefix}/login", json=login | {"password": "password123"}).json()["token"]
        profile = api.get(f"{prefix}/profile", headers={"Authorization": f"Bearer {token}"})
        assert (profile.status_code, profile.json()) == (200, made.json())


def test_a_password_is_changed_and_the_other_sessions_end(api: httpx.Client, account: Account) -> None:
    """Both names of the route: the new password logs in, and what was signed in before cannot refresh."""
    paths = ("/api/v1/users/password", "/api/v1/auth/password")
    passwords = [account.password, secrets.token_urlsafe(12), secrets.token_urlsafe(12)]
    for path, (current, new) in zip(paths, itertools.pairwise(passwords), strict=True):
        session = log_in(api, account.username, current)
        body = {"currentPassword": current, "newPassword": new}
        changed = api.post(path, json=body, headers=account.headers)
        assert changed.status_code == 200, changed.text
        ended = api.post("/api/v1/auth/refresh", json={"refreshToken": session["refreshToken"]})
        assert ended.status_code == 401
        renewed = api.post("/api/v1/auth/refresh", json={"refreshToken": changed.json()["refreshToken"]})
        assert renewed.status_code == 200
    assert log_in(api, account.username, passwords[-1])


def _messages(api: httpx.Client, account: Account) -> list[str]:
    return [each["message"] for each in api.get("/api/v1/notification/user", headers=account.headers).json()]
