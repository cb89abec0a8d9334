"""Wait for what can only be polled."""

import time
from collections.abc import Callable


def until(condition: Callable[[], object], seconds: float, pause: float = 0.1) -> bool:
    """Poll *condition* until it is true, at least once. Returns whether it was true within *seconds*."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(pause)
    return True
