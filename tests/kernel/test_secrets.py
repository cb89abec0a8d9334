"""Secrets Manager: asked rarely, with a signature, and clear when it does not answer."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from kernel.aws import secrets
from kernel.aws.secrets import Credentials
from kernel.errors import UnavailableError


class SecretsManager(HTTPServer):
    """Answers as AWS does, and keeps what it was asked. *gives*: the password; None: it refuses."""

    gives: str | None = "first"
    asked: list[tuple[str, str]]


class Answer(BaseHTTPRequestHandler):
    server: SecretsManager

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((body["SecretId"], self.headers["Authorization"]))
        found = {"username": "u", "password": self.server.gives}
        answer = json.dumps({"Name": "n", "SecretString": json.dumps(found)}).encode()
        self.send_response(200 if self.server.gives else 400)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch) -> Iterator[SecretsManager]:
    with SecretsManager(("127.0.0.1", 0), Answer) as server:
        server.asked = []
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        for name in ("AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.setenv(name, "test")
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
    secrets.reset()


def test_asks_once_and_signs(manager: SecretsManager) -> None:
    """The answer is kept; the request carries Signature Version 4."""
    assert [secrets.get("a") for _ in range(3)] == [Credentials("u", "first")] * 3

    [(asked, authorization)] = manager.asked
    assert asked == "a"
    assert authorization.startswith("AWS4-HMAC-SHA256 Credential=test/")


def test_asks_anew_for_a_fresh_one(manager: SecretsManager) -> None:
    """After a rotation the cached secret is replaced."""
    secrets.get("a")
    manager.gives = "second"

    assert secrets.get("a", fresh=True) == secrets.get("a") == Credentials("u", "second")


def test_asks_anew_after_five_minutes(manager: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret is used for longer than that without a look."""
    secrets.get("a")
    monkeypatch.setattr(secrets, "CACHE_SECONDS", 0)
    secrets.get("a")

    assert len(manager.asked) == 2


def test_names_the_secret_that_cannot_be_read(manager: SecretsManager, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, or nobody there: unavailable, which is worth another try."""
    manager.gives = None
    with pytest.raises(UnavailableError, match="secret a/b cannot be read: 400"):
        secrets.get("a/b")

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="secret c cannot be read"):
        secrets.get("c")
