"""Accounts made and used as a client does it: through HTTP."""

import secrets
from dataclasses import dataclass
from uuid import UUID

import httpx


@dataclass(frozen=True)
class Account:
    id: UUID
    username: str
    password: str
    access_token: str

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.access_token}"}


def registered(api: httpx.Client) -> Account:
    """A new account, signed in."""
    username, password = f"user-{secrets.token_hex(6)}", secrets.token_urlsafe(12)
    registration = {"username": username, "email": f"{username}@example.com", "password": password}
    made = api.post("/api/v1/auth/register", json=registration)
    assert made.status_code == 201, made.text
    return Account(UUID(made.json()["id"]), username, password, log_in(api, username, password)["accessToken"])


def log_in(api: httpx.Client, username: str, password: str) -> dict[str, str]:
    """The tokens of a new session."""
    answer = api.post("/api/v1/auth/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    tokens: dict[str, str] = answer.json()
    return tokens
