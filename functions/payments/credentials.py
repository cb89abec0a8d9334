"""The secret with Stripe's keys."""

import os

from msgspec import Struct

from kernel.aws import secrets


class Credentials(Struct, frozen=True, rename="camel"):
    """*webhook_secrets*: the one with which Stripe signs, and the next one while it is being replaced."""

    api_key: str
    webhook_secrets: list[str]


def get(*, fresh: bool = False) -> Credentials:
    """Return the keys, at most 5 minutes old. *fresh*: read them again. Raises UnavailableError."""
    name = os.environ.get("STRIPE_SECRET") or f"millrace/{os.environ.get('STAGE') or 'local'}/stripe"
    return secrets.read(name, Credentials, fresh=fresh)
