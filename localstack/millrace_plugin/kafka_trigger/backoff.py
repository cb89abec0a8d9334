"""Calculate the wait before a retry (R12)."""

import random

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0


def delay(failures: int) -> float:
    """Return the seconds to wait after *failures* (at least 1) in a row: 1 to 30, doubling, times 0.5 to 1 of jitter."""
    doubled = FIRST_SECONDS * (1 << min(failures - 1, 10))
    return min(LONGEST_SECONDS, doubled) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
