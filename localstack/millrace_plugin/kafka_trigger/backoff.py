"""R12: how long to wait before the next try."""

import random

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 30.0


def delay(failures: int) -> float:
    """Seconds to wait after *failures* consecutive failures (>= 1): doubling from 1 to 30, times 0.5 to 1 of jitter."""
    doubled = FIRST_SECONDS * (1 << min(failures - 1, 10))
    return min(LONGEST_SECONDS, doubled) * random.uniform(0.5, 1.0)  # noqa: S311 - jitter is no secret
