"""The Stripe account that the local cloud pays with: the local Stripe's, or the user's own."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from millrace_local import files
from millrace_local.instance import Instance, SettingError

STRIPE = "https://api.stripe.com"
TEST_KEYS = ("sk_test_", "rk_test_")


@dataclass(frozen=True)
class Account:
    """An account at Stripe or at the local Stripe."""

    api_base: str
    api_key: str
    webhook_secrets: list[str]
    """The secret that signs webhooks, then the one that it has replaced."""

    def secret(self) -> dict[str, object]:
        """Return the secret of the functions that talk to Stripe, as Secrets Manager has it."""
        return {"apiKey": self.api_key, "webhookSecrets": self.webhook_secrets}


def choose(instance: Instance) -> None:
    """Choose the user's own account if STRIPE_API_KEY is set, else the local one. The choice holds until the next start."""
    webhook_secrets = local(instance).webhook_secrets
    own = instance.home / "data" / "stripe-own.json"
    own.unlink(missing_ok=True)
    if api_key := os.environ.get("STRIPE_API_KEY"):
        if not api_key.startswith(TEST_KEYS):
            message = "STRIPE_API_KEY is not a test key (sk_test_… or rk_test_…): the local cloud moves no real money."
            raise SettingError(message)
        if given := os.environ.get("STRIPE_WEBHOOK_SECRET"):
            webhook_secrets = [given]
        files.write(own, json.dumps(asdict(Account(STRIPE, api_key, webhook_secrets))))


def current(instance: Instance) -> Account:
    """Return the account that was chosen at the last start."""
    own = instance.home / "data" / "stripe-own.json"
    return Account(**json.loads(own.read_text())) if own.exists() else local(instance)


def local_file(instance: Instance) -> Path:
    return instance.home / "data" / "stripe.json"


def local(instance: Instance) -> Account:
    """Return the account at the local Stripe, which is created once and kept beside the data."""
    path = local_file(instance)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        api_key = f"sk_test_{secrets.token_hex(24)}"
        webhook_secrets = [f"whsec_{secrets.token_hex(24)}" for _ in ("new", "old")]
        files.write(path, json.dumps({"api_key": api_key, "webhook_secrets": webhook_secrets}))
    return Account(instance.stripe_url, **json.loads(path.read_text()))
