"""Verifies the signature of Stripe's webhooks: an HMAC of the body and the time of sending.

Stripe: "Verify webhook signatures manually". Stripe's library does the same, but its import alone takes 300 ms.
"""

import hmac
import re
from collections.abc import Iterable

from kernel.errors import InvalidError

TOLERANCE_SECONDS = 300
SECONDS = re.compile(r"[0-9]{1,12}")


class SignatureError(InvalidError):
    """The message was not signed by Stripe, or too long ago."""

    refuses_credential = True


def require(body: bytes, header: str | None, secrets: Iterable[str], *, now: float) -> None:
    """Raise SignatureError unless one of *secrets* signed *body*, and not long ago.

    *header*: `t=<seconds>,v1=<hex>`, with a further v1 while a secret is being replaced, and other schemes.
    *now*: in seconds since 1970.
    """
    parts = [part.strip().partition("=") for part in (header or "").split(",")]
    times = [value for name, _, value in parts if name == "t"]
    if len(times) != 1 or not _is_recent(times[0], now):
        raise SignatureError("The header Stripe-Signature is missing, malformed or too old.")
    signed = f"{times[0]}.".encode() + body
    expected = [hmac.digest(secret.encode(), signed, "sha256").hex().encode() for secret in secrets]
    given = [value.encode() for name, _, value in parts if name == "v1"]
    # Compare all of them, each in constant time, so that the duration reveals nothing.
    matches = [hmac.compare_digest(each, one) for each in expected for one in given]
    if not any(matches):
        raise SignatureError("The header Stripe-Signature does not sign this body.")


def _is_recent(seconds: str, now: float) -> bool:
    return SECONDS.fullmatch(seconds) is not None and abs(now - int(seconds)) <= TOLERANCE_SECONDS
