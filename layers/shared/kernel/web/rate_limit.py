"""Rate limits by the generic cell rate algorithm (GCRA): one atomic call to Redis, whose clock all functions share.

One *theoretical arrival time* is stored per route class and caller: when the caller's whole burst is available again.
A request moves it ahead by one interval, and is refused if it would then be more than a whole burst ahead of now.
While Redis is down, reads and writes are not limited; logins, registrations, orders and refusals are counted in this
process.
"""

import math
import time
from typing import Literal, NamedTuple

from kernel import settings
from kernel.errors import TooManyRequestsError
from kernel.settings import SettingError
from kernel.storage import redis_server
from kernel.telemetry import logger

type RateClass = Literal["read", "write", "ingest", "login", "register", "order", "webhook", "refusal"]


class Rate(NamedTuple):
    """*burst*: requests at once; after them, one every *seconds*. *guarded*: counted locally while Redis is down."""

    burst: int
    seconds: float
    guarded: bool = False


RATES: dict[RateClass, Rate] = {
    "read": Rate(burst=100, seconds=0.1),
    "write": Rate(burst=40, seconds=0.5),
    # Events come in bursts, of many users behind one address.
    "ingest": Rate(burst=1000, seconds=0.01),
    "login": Rate(burst=10, seconds=6, guarded=True),
    "register": Rate(burst=10, seconds=60, guarded=True),
    # An order tests a payment method: stolen ones must not be tested by the hundred.
    "order": Rate(burst=20, seconds=3, guarded=True),
    # All messages of a sender come from a few addresses, and a refused one is repeated only hours later.
    "webhook": Rate(burst=1000, seconds=0.005),
    # Invalid tokens and signatures. A client's token expires every 15 minutes, which causes one refusal: the rate is
    # enough for 1,800 clients behind one address.
    "refusal": Rate(burst=100, seconds=0.5, guarded=True),
}

MICROSECONDS = 1_000_000
LOCAL_CALLERS = 10_000

# KEYS: the caller's key. ARGV: interval, burst, and in tests the time; all times are in microseconds.
GCRA = """
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local now = tonumber(ARGV[3])
if not now then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local whole_at = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now)
local next_whole_at = whole_at + interval
local early = next_whole_at - interval * burst - now
if early > 0 then
  return {0, 0, whole_at - now, early}
end
redis.call('SET', KEYS[1], string.format('%.0f', next_whole_at), 'PX', math.ceil((next_whole_at - now) / 1000))
return {1, math.floor(-early / interval), next_whole_at - now, 0}
"""


class Decision(NamedTuple):
    """*remaining*: requests that are allowed right now.

    *whole_in*: until the whole burst is available, in microseconds.
    *retry_in*: until the next request is allowed, in microseconds.
    """

    allowed: bool
    limit: int
    remaining: int
    whole_in: int
    retry_in: int

    def headers(self) -> dict[str, str]:
        """Return the `RateLimit` headers."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(math.ceil(self.whole_in / MICROSECONDS)),
        }


# When each caller's whole burst is available again, in microseconds of this process's clock.
_local: dict[str, int] = {}


def require(name: RateClass, caller: str) -> dict[str, str]:
    """Count a request of *caller* (a user or an address). Returns the `RateLimit` headers, or none if Redis is down.

    Raises TooManyRequestsError with the same headers and `Retry-After`.
    """
    decision = check(name, caller)
    if decision is None:
        return {}
    if not decision.allowed:
        seconds = max(1, math.ceil(decision.retry_in / MICROSECONDS))
        message = f"Too many requests. Try again in {seconds} s."
        raise TooManyRequestsError(message, retry_after=seconds, headers=decision.headers())
    return decision.headers()


def check(name: RateClass, caller: str, *, now: int | None = None) -> Decision | None:
    """Count a request. Returns None if Redis is down and the class is not guarded. *now*: for tests, in microseconds."""
    rate, factor = RATES[name], _factor()
    interval, burst = round(rate.seconds * MICROSECONDS / factor), rate.burst * factor
    key = f"rate:{name}:{caller}"
    arguments = [interval, burst] if now is None else [interval, burst, now]
    try:
        allowed, *numbers = redis_server.run(lambda redis: redis.eval(GCRA, 1, key, *arguments))
    except redis_server.DownError:
        return count_locally(key, interval, burst, time.monotonic_ns() // 1000) if rate.guarded else None
    return Decision(bool(allowed), burst, *numbers)


def reset() -> None:
    """Forget the callers that were counted in this process."""
    _local.clear()


def _factor() -> int:
    """Return the factor of all limits. An unusable setting is logged, and requests are answered all the same."""
    try:
        return settings.rate_limit_factor()
    except SettingError as error:
        logger.error("the usual rate limits apply", error=str(error))
        return 1


def count_locally(key: str, interval: int, burst: int, now: int) -> Decision:
    """Count a request in this process, by the same algorithm. The callers that were seen first are evicted first."""
    whole_at = max(_local.pop(key, 0), now)
    early = whole_at + interval - interval * burst - now
    if early > 0:
        _local[key] = whole_at
        return Decision(allowed=False, limit=burst, remaining=0, whole_in=whole_at - now, retry_in=early)
    _local[key] = whole_at + interval
    if len(_local) > LOCAL_CALLERS:
        del _local[next(iter(_local))]
    return Decision(
        allowed=True, limit=burst, remaining=-early // interval, whole_in=whole_at + interval - now, retry_in=0
    )
