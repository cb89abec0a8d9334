"""The rotation of the signing keys in Secrets Manager."""

import contextlib
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from kernel.aws import secrets
from kernel.errors import UnauthorizedError
from kernel.web import tokens
from millrace_local.deployment import aws as localstack_aws
from millrace_local.instance import Instance
from tests.kit.aws import Aws
from tests.kit.operations import run
from users import access_tokens, rotate_keys


class Secrets:
    """The two secrets of one test."""

    def __init__(self, client: Any) -> None:  # noqa: ANN401 - a boto3 client
        self.client = client
        self.names = {kind: f"{uuid4()}/{kind}-keys" for kind in ("signing", "public")}
        for name in self.names.values():
            client.create_secret(Name=name)

    def keys(self, kind: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(
            self.client.get_secret_value(SecretId=self.names[kind])["SecretString"]
        )["keys"]
        return found


@pytest.fixture
def stored(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """Two empty secrets, of which the functions are told."""
    return create_secrets(aws.client("secretsmanager"), monkeypatch)


def create_secrets(client: Any, monkeypatch: pytest.MonkeyPatch) -> Secrets:  # noqa: ANN401 - a boto3 client
    """Create two empty secrets and name them to the functions; half an hour passes between rotations."""
    monkeypatch.setattr(rotate_keys, "SHORTEST_INTERVAL", timedelta(0))
    monkeypatch.setattr(tokens, "_stored", tokens._StoredKeys())
    created = Secrets(client)
    monkeypatch.setenv("SIGNING_KEYS_SECRET", created.names["signing"])
    monkeypatch.setenv("PUBLIC_KEYS_SECRET", created.names["public"])
    return created


def rotate(**command: bool) -> bool:
    rotated: bool = run(rotate_keys.handler, **command)["rotated"]
    return rotated


def test_the_first_rotation_makes_both_keys(stored: Secrets) -> None:
    """Of empty secrets; then a token can be signed and verified, and the public secret has no private part."""
    check_first_rotation(stored)


def test_the_first_rotation_makes_both_keys_in_localstack(
    localstack: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The local cloud's secrets begin as empty ones, too."""
    for name, value in localstack_aws.environment(localstack).items():
        monkeypatch.setenv(name, value)
    with contextlib.closing(localstack_aws.client(localstack, "secretsmanager")) as client:
        check_first_rotation(create_secrets(client, monkeypatch))


def check_first_rotation(stored: Secrets) -> None:
    assert rotate()
    assert len(stored.keys("signing")) == 2
    assert [key["kid"] for key in stored.keys("public")] == [key["kid"] for key in stored.keys("signing")]
    assert not any("d" in key for key in stored.keys("public"))
    user = uuid4()
    assert tokens.verify(access_tokens.sign(user, ["user"])) == (user, frozenset({"user"}))


def test_the_next_key_takes_over_and_the_last_one_stays_known(stored: Secrets) -> None:
    """The second key becomes the first; public are the new pair and the one that has just ceased to sign."""
    rotate()
    [first, second] = (key["kid"] for key in stored.keys("signing"))
    rotate()
    [now, following] = (key["kid"] for key in stored.keys("signing"))
    assert now == second
    assert [key["kid"] for key in stored.keys("public")] == [now, following, first]
    rotate()
    assert first not in [key["kid"] for key in stored.keys("public")]


def test_no_valid_token_is_refused_during_a_rotation(stored: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Verifiers with the keys from before and from after it take the tokens signed before and after."""
    rotate()
    monkeypatch.setattr(tokens, "UNKNOWN_KEY_SECONDS", 3600)
    verifier_before, users_cache = tokens._StoredKeys(), secrets._cache.copy()
    monkeypatch.setattr(tokens, "_stored", verifier_before)
    old = access_tokens.sign(uuid4(), ["user"])
    tokens.verify(old)
    rotate()
    secrets.reset()
    new = access_tokens.sign(uuid4(), ["user"])
    for verifier in (verifier_before, tokens._StoredKeys()):
        monkeypatch.setattr(tokens, "_stored", verifier)
        tokens.verify(old)
        tokens.verify(new)
    # A signer that has not noticed yet.
    secrets._cache.update(users_cache)
    tokens.verify(access_tokens.sign(uuid4(), ["user"]))


def test_a_retired_key_is_refused(stored: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rotations later its tokens are no good to whoever has read the keys since."""
    rotate()
    old = access_tokens.sign(uuid4(), ["user"])
    rotate()
    rotate()
    with pytest.raises(UnauthorizedError):
        tokens.verify(old)


def test_rotations_in_quick_succession_are_declined(stored: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within half an hour of the last one the keys stay, so that no token's key is retired before the token."""
    rotate()
    before = stored.keys("signing")
    monkeypatch.setattr(rotate_keys, "SHORTEST_INTERVAL", timedelta(minutes=30))
    assert not rotate()
    assert stored.keys("signing") == before


def test_compromised_keys_are_all_replaced_at_once(stored: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """No old key signs or is published any more, even within half an hour; new tokens hold."""
    rotate()
    before = {key["kid"] for key in stored.keys("public")}
    old = access_tokens.sign(uuid4(), ["user"])
    monkeypatch.setattr(rotate_keys, "SHORTEST_INTERVAL", timedelta(minutes=30))
    assert rotate(compromised=True)
    assert before.isdisjoint(key["kid"] for kind in ("public", "signing") for key in stored.keys(kind))
    secrets.reset()
    with pytest.raises(UnauthorizedError):
        tokens.verify(old)
    tokens.verify(access_tokens.sign(uuid4(), ["user"]))


def test_a_rotation_that_died_halfway_is_mended(stored: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the public keys were written and the private ones were not, tokens hold, and the next one completes it."""
    rotate()
    write = rotate_keys._write

    def write_public_only(secret_id: str, content: Any) -> None:  # noqa: ANN401 - keys
        if secret_id == stored.names["signing"]:
            raise KeyboardInterrupt
        write(secret_id, content)

    with monkeypatch.context() as patch:
        patch.setattr(rotate_keys, "_write", write_public_only)
        with pytest.raises(KeyboardInterrupt):
            rotate()
    old = access_tokens.sign(uuid4(), ["user"])
    tokens.verify(old)
    assert rotate()
    secrets.reset()
    monkeypatch.setattr(tokens, "_stored", tokens._StoredKeys())
    tokens.verify(old)
    tokens.verify(access_tokens.sign(uuid4(), ["user"]))
