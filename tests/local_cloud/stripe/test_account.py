"""Which account the local cloud pays with."""

import json
from pathlib import Path

import pytest

from millrace_local.deployment import aws, provision
from millrace_local.instance import Instance, SettingError
from millrace_local.servers import stripe_account
from tests.kit.servers import free_instance


def test_the_local_account_is_made_once_for_the_owner_alone(tmp_path: Path) -> None:
    """Its secrets stay the same, and nobody else can read them; another instance has others."""
    own, other = free_instance(tmp_path / "own"), free_instance(tmp_path / "other")
    account = stripe_account.current(own)
    assert stripe_account.current(own) == account
    assert account.api_base == own.stripe_url
    assert stripe_account.current(other).webhook_secrets != account.webhook_secrets
    [file] = (own.home / "data").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


def test_the_users_own_account_is_taken_until_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With STRIPE_API_KEY it is Stripe's own API with that key, and the local account again without."""
    own = free_instance(tmp_path)
    monkeypatch.setenv("STRIPE_API_KEY", "sk_test_own")
    monkeypatch.setenv("STRIPE_WEBHOOK_SECRET", "whsec_own")
    stripe_account.choose(own)
    monkeypatch.delenv("STRIPE_API_KEY")
    assert stripe_account.current(own).api_base == "https://api.stripe.com"
    assert stripe_account.current(own).secret() == {"apiKey": "sk_test_own", "webhookSecrets": ["whsec_own"]}
    stripe_account.choose(own)
    assert stripe_account.current(own).api_base == own.stripe_url


def test_a_live_key_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable and not the key, and nothing is kept."""
    own = free_instance(tmp_path)
    monkeypatch.setenv("STRIPE_API_KEY", "sk_live_real")
    with pytest.raises(SettingError, match="STRIPE_API_KEY") as refused:
        stripe_account.choose(own)
    assert "sk_live_real" not in str(refused.value)
    assert stripe_account.current(own).api_base == own.stripe_url


def test_the_functions_find_the_account_in_secrets_manager(localstack: Instance) -> None:
    """The secret has the API key and the two webhook secrets that the local Stripe's account has."""
    provision.localstack(localstack)
    stored = aws.client(localstack, "secretsmanager").get_secret_value(SecretId="millrace/local/stripe")
    account = stripe_account.local(localstack)
    assert json.loads(stored["SecretString"]) == {
        "apiKey": account.api_key,
        "webhookSecrets": account.webhook_secrets,
    }
    assert len(set(account.webhook_secrets)) == 2
