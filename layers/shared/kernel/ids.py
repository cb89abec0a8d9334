"""Creates identifiers."""

import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

WITH_TIME = 7


def new() -> UUID:
    """Return a UUID version 7 (RFC 9562, section 5.7): 48 bits of milliseconds and 74 random bits.

    New rows sort last.
    """
    milliseconds = time.time_ns() // 1_000_000
    random = secrets.randbits(74)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | (random >> 62) << 64 | 0b10 << 62 | random & (1 << 62) - 1)


def time_of(text: str) -> datetime | None:
    """Return when a UUID of version 7 was made, or None for any other text."""
    try:
        found = UUID(text)
        return datetime.fromtimestamp((found.int >> 80) / 1000, UTC) if found.version == WITH_TIME else None
    except ValueError:
        # It is no UUID, or of a year that no calendar has.
        return None
