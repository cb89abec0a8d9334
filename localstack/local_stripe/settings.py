"""The settings of the local Stripe, from its environment."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Settings:
    """*state*: the file that keeps everything across restarts.

    *account*: the file with the account's `api_key` and `webhook_secrets`, of which the first signs.
    *webhook_url*: where events are delivered.
    """

    port: int
    state: Path
    account: Path
    webhook_url: str

    @classmethod
    def from_environment(cls) -> "Settings":
        """Read the settings that `as_environment` wrote. Raises KeyError if one is missing."""
        return cls(
            int(os.environ["LOCAL_STRIPE_PORT"]),
            Path(os.environ["LOCAL_STRIPE_STATE"]),
            Path(os.environ["LOCAL_STRIPE_ACCOUNT"]),
            os.environ["LOCAL_STRIPE_WEBHOOK_URL"],
        )

    def as_environment(self) -> dict[str, str]:
        """Return the variables from which another process reads these settings."""
        return {
            "LOCAL_STRIPE_PORT": str(self.port),
            "LOCAL_STRIPE_STATE": str(self.state),
            "LOCAL_STRIPE_ACCOUNT": str(self.account),
            "LOCAL_STRIPE_WEBHOOK_URL": self.webhook_url,
        }

    def credentials(self) -> tuple[str, str]:
        """Return the account's API key and the secret that signs its webhooks."""
        account = json.loads(self.account.read_text())
        return account["api_key"], account["webhook_secrets"][0]
