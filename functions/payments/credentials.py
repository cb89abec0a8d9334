"""The secret with Stripe's keys."""

import os

from msgspec import Struct

from kernel.aws import secrets


class Credentials(Struct, frozen=True, rename="camel"):
    """*webhook_secrets*: the one that Stripe signs with; and while it is being replaced, the next one as well."""

    api_key: str
    webhook_secrets: list[str]


def get(*, fresh: bool = False) -> Credentials:
    """At most 5 minutes old; read anew if *fresh*. Raises UnavailableError."""
    name = os.environ.get("STRIPE_SECRET") or f"millrace/{os.environ.get('STAGE') or 'local'}/stripe"
    return secrets.read(name, Credentials, fresh=fresh)
