"""Rate limits: GCRA, the same in Redis and in this process."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kernel.errors import TooManyRequestsError
from kernel.storage import redis_server
from kernel.web import rate_limit
from kernel.web.rate_limit import Decision, Rate, RateClass

NAMES: list[RateClass] = ["read", "write", "login", "register", "refusal"]


@dataclass
class Bucket:
    """The reference: a bucket of *burst* requests' worth of credit, filled at a constant pace. In microseconds."""

    interval: int
    burst: int
    now: int

    def __post_init__(self) -> None:
        self.credit = self.interval * self.burst

    def take(self, now: int) -> Decision:
        whole = self.interval * self.burst
        self.credit, self.now = min(whole, self.credit + now - self.now), now
        allowed = self.credit >= self.interval
        retry_in = 0 if allowed else self.interval - self.credit
        self.credit -= self.interval if allowed else 0
        remaining = self.credit // self.interval if allowed else 0
        return Decision(allowed, self.burst, remaining, whole - self.credit, retry_in)


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")


@given(
    seconds=st.integers(60, 600),
    burst=st.integers(1, 8),
    pauses=st.lists(st.one_of(st.just(0.0), st.floats(0, 3)), max_size=30),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("patient_redis")
def test_decides_as_the_reference_does(seconds: int, burst: int, pauses: list[float]) -> None:
    """In Redis and locally, for any rate and any pauses (in intervals): allowed, remaining, and both times."""
    now, key = time.time_ns() // 1000, str(uuid4())
    interval = seconds * rate_limit.MICROSECONDS
    reference = Bucket(interval, burst, now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(rate_limit.RATES, "read", Rate(burst, seconds))
        for pause in pauses:
            now += round(pause * interval)
            expected = reference.take(now)
            assert rate_limit.check("read", key, now=now) == expected
            assert rate_limit.count_locally(key, interval, burst, now) == expected


@pytest.mark.usefixtures("patient_redis")
def test_counts_requests_at_once_exactly() -> None:
    """Eighty requests of one caller in eight threads: as many are allowed as the burst holds."""
    key = str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        decisions = list(pool.map(lambda _: rate_limit.check("register", key), range(80)))
    assert sum(decision is not None and decision.allowed for decision in decisions) == 10


@pytest.mark.usefixtures("patient_redis")
def test_callers_and_classes_are_counted_apart() -> None:
    """Who has used up one allowance has not used up another."""
    key = str(uuid4())
    for _ in range(10):
        rate_limit.require("login", key)
    with pytest.raises(TooManyRequestsError):
        rate_limit.require("login", key)
    assert rate_limit.require("register", key)
    assert rate_limit.require("login", f"{key}-2")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("patient_redis")
def test_the_headers_tell_what_is_left(name: RateClass) -> None:
    """Limit, remaining and the seconds until all is there again; a refusal has Retry-After as well."""
    key, rate = str(uuid4()), rate_limit.RATES[name]
    first = rate_limit.require(name, key)
    assert first["RateLimit-Limit"] == str(rate.burst)
    assert first["RateLimit-Remaining"] == str(rate.burst - 1)
    assert 0 < int(first["RateLimit-Reset"]) <= max(1, rate.seconds)
    with pytest.raises(TooManyRequestsError) as refused:
        [rate_limit.require(name, key) for _ in range(10 * rate.burst)]
    assert refused.value.headers["RateLimit-Remaining"] == "0"
    assert 1 <= int(refused.value.headers["Retry-After"]) <= max(1, rate.seconds)


def test_logins_and_registrations_are_stricter() -> None:
    """Both in bursts and in the long run."""
    for strict in ("login", "register"):
        for usual in ("read", "write"):
            assert rate_limit.RATES[strict].burst < rate_limit.RATES[usual].burst
            assert rate_limit.RATES[strict].seconds > rate_limit.RATES[usual].seconds


@pytest.mark.parametrize("name", ["read", "write"])
@pytest.mark.usefixtures("down")
def test_while_redis_is_down_reads_and_writes_go_on(name: RateClass) -> None:
    """Without a limit, and without headers that would claim one."""
    assert [rate_limit.require(name, "caller") for _ in range(200)] == [{}] * 200


@pytest.mark.parametrize("name", ["login", "register"])
@pytest.mark.usefixtures("down")
def test_while_redis_is_down_logins_and_registrations_are_counted_here(name: RateClass) -> None:
    """The same burst, per caller."""
    key = str(uuid4())
    for _ in range(10):
        assert rate_limit.require(name, key)["RateLimit-Limit"] == "10"
    with pytest.raises(TooManyRequestsError):
        rate_limit.require(name, key)
    assert rate_limit.require(name, f"{key}-2")


def test_the_local_count_is_bounded() -> None:
    """Whoever sends from a million addresses does not fill the memory; the latest callers are still known."""
    rate_limit.reset()
    for number in range(rate_limit.LOCAL_CALLERS + 500):
        rate_limit.count_locally(str(number), 1000, 1, 0)
    assert len(rate_limit._local) == rate_limit.LOCAL_CALLERS
    assert not rate_limit.count_locally(str(rate_limit.LOCAL_CALLERS + 499), 1000, 1, 0).allowed


@pytest.mark.usefixtures("patient_redis")
def test_limits_can_be_raised_for_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """RATE_LIMIT_FACTOR multiplies bursts and paces."""
    monkeypatch.setenv("RATE_LIMIT_FACTOR", "5")
    key = str(uuid4())
    assert rate_limit.require("login", key)["RateLimit-Limit"] == "50"


@pytest.mark.usefixtures("patient_redis")
def test_the_allowance_does_not_stay_in_redis_for_ever() -> None:
    """The key ends when the allowance is whole again."""
    key = str(uuid4())
    rate_limit.require("login", key)
    left = redis_server.run(lambda redis: redis.pttl(f"rate:login:{key}"))
    assert isinstance(left, int)
    assert 0 < left <= 6000
