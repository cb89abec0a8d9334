"""Secrets Manager: asked rarely, with a signature, and clear when it does not answer."""

import contextlib
from uuid import uuid4

import pytest
from moto.core import enable_iam_authentication

from kernel.aws import secrets
from kernel.aws.secrets import Credentials
from kernel.errors import UnavailableError
from millrace_local.deployment import aws as localstack_aws
from millrace_local.instance import Instance
from tests.kit.aws import Aws, policy


def put(aws: Aws, password: str) -> None:
    aws.put_secret("a", {"username": "u", "password": password})


def test_asks_once(aws: Aws) -> None:
    """The answer is kept."""
    put(aws, "first")

    assert [secrets.get("a") for _ in range(3)] == [Credentials("u", "first")] * 3
    assert len(aws.list_secret_reads()) == 1


def test_asks_again_for_a_fresh_one(aws: Aws) -> None:
    """After a rotation the cached secret is replaced."""
    put(aws, "first")
    secrets.get("a")
    put(aws, "second")

    assert secrets.get("a") == Credentials("u", "first")
    assert secrets.get("a", fresh=True) == secrets.get("a") == Credentials("u", "second")


def test_asks_again_after_five_minutes(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """No secret is used for longer than that without a look."""
    put(aws, "first")
    secrets.get("a")
    put(aws, "second")
    monkeypatch.setattr(secrets, "CACHE_SECONDS", 0)

    assert secrets.get("a") == Credentials("u", "second")


def test_signs_with_the_credentials_of_the_environment(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS knows the role by its temporary credentials and their session token, and lets it read the secret."""
    put(aws, "first")
    for name, value in aws.create_role(policy("secretsmanager:GetSecretValue")).items():
        monkeypatch.setenv(name, value)

    with enable_iam_authentication():
        assert secrets.get("a") == Credentials("u", "first")
    [read] = aws.list_secret_reads()
    assert read.headers["Authorization"].startswith("AWS4-HMAC-SHA256 Credential=")


@pytest.mark.parametrize(
    ("variable", "code"),
    [("AWS_SECRET_ACCESS_KEY", "SignatureDoesNotMatch"), ("AWS_SESSION_TOKEN", "InvalidClientTokenId")],
)
def test_is_refused_with_the_credentials_of_another(
    aws: Aws, variable: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong key or session token gives no secret."""
    put(aws, "first")
    for name, value in (aws.create_role(policy("secretsmanager:GetSecretValue")) | {variable: "wrong"}).items():
        monkeypatch.setenv(name, value)

    with (
        enable_iam_authentication(),
        pytest.raises(UnavailableError, match=f"(?s)secret a cannot be read: 403 .*{code}"),
    ):
        secrets.get("a")


def test_is_refused_without_the_right(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has AWS's reason."""
    put(aws, "first")
    for name, value in aws.create_role(policy("ses:SendRawEmail")).items():
        monkeypatch.setenv(name, value)

    with (
        enable_iam_authentication(),
        pytest.raises(UnavailableError, match=r"(?s)a cannot be read: 403 .*AccessDenied"),
    ):
        secrets.get("a")


def test_names_the_secret_that_cannot_be_read(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Absent, empty, not what is expected, or nobody there: unavailable, which is worth another try."""
    # AWS and LocalStack say 400, moto 404.
    with pytest.raises(UnavailableError, match=r"secret a/b cannot be read: 40[04] .*ResourceNotFoundException"):
        secrets.get("a/b")

    aws.client("secretsmanager").create_secret(Name="empty")
    with pytest.raises(UnavailableError, match=r"secret empty cannot be read: 40[04] .*ResourceNotFoundException"):
        secrets.get("empty")

    aws.put_secret("other", {"username": "u"})
    with pytest.raises(UnavailableError, match=r"secret other cannot be read: .*password"):
        secrets.get("other")

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    with pytest.raises(UnavailableError, match="secret c cannot be read"):
        secrets.get("c")


def test_reads_a_secret_of_localstack(localstack: Instance, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Secrets Manager of the local cloud takes the same request."""
    for name, value in localstack_aws.environment(localstack).items():
        monkeypatch.setenv(name, value)
    name = f"test/{uuid4()}"
    with contextlib.closing(localstack_aws.client(localstack, "secretsmanager")) as client:
        client.create_secret(Name=name, SecretString='{"username": "u", "password": "first"}')

    assert secrets.get(name) == Credentials("u", "first")
    with pytest.raises(UnavailableError, match=r"absent cannot be read: 40[04] .*ResourceNotFoundException"):
        secrets.get("absent")
