"""Concurrent invocations follow the pollers, and a function that accepts only so many (C3, C8)."""

import heapq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from millrace_plugin.kafka_trigger.concurrency import ConcurrencyLimit, maximum_concurrency


@pytest.mark.parametrize(
    ("partitions", "pollers", "expected"),
    [
        (8, None, 8),
        (0, None, 0),
        (12, (1, 1), 5),
        (12, (1, 2), 10),
        (12, (1, 200), 12),
        (3, (4, 8), 3),
        (1, (1, 1), 1),
    ],
)
def test_c3_five_invocations_for_each_poller_and_never_more_than_partitions(
    partitions: int, pollers: tuple[int, int] | None, expected: int
) -> None:
    """Pollers are as many as partitions, within the limits given; on demand each partition has its own."""
    assert maximum_concurrency(partitions, pollers) == expected


def test_c8_a_function_that_takes_nothing_is_tried_once_after_each_wait() -> None:
    """However many partitions wait; the waits grow to thirty seconds and never further."""
    pacing = ConcurrencyLimit(bound=8)
    now, waits = 0.0, []
    for _ in range(12):
        pacing.start()
        assert pacing.opens_at() > now or pacing.limit is None
        pacing.end(now, refused=True)
        waits.append(pacing.opens_at() - now)
        now = pacing.opens_at()
    assert pacing.blocked
    assert waits[0] <= 1
    assert 15 <= waits[-1] <= 30


def test_c8_the_next_invocation_waits_for_the_end_of_one_that_runs() -> None:
    """No clock is needed while some are taken."""
    pacing = ConcurrencyLimit(bound=8)
    for _ in range(8):
        pacing.start()
    for _ in range(6):
        pacing.end(0, refused=True)
    assert (pacing.limit, pacing.running, pacing.opens_at()) == (2, 2, float("inf"))
    pacing.end(0.1, refused=False)
    assert pacing.opens_at() == 0


def test_c8_a_success_lets_the_others_go_on_at_once() -> None:
    """After a time without capacity the number of invocations doubles with each round of answers."""
    pacing = ConcurrencyLimit(bound=8)
    pacing.start()
    pacing.end(0, refused=True)
    now, most = pacing.opens_at(), []
    for _ in range(4):
        while pacing.opens_at() <= now:
            pacing.start()
        most.append(pacing.running)
        now += 1
        for _ in range(pacing.running):
            pacing.end(now, refused=False)
    assert most == [1, 2, 4, 8]
    assert not pacing.blocked


@given(st.integers(1, 8), st.integers(1, 8), st.integers(1, 60), st.floats(0.01, 5))
def test_c8_a_throttled_function_is_kept_as_busy_as_it_lets_itself_be(
    capacity: int, partitions: int, batches: int, seconds: float
) -> None:
    """The time for all batches is close to the least possible, and few invocations are tried in vain."""
    pacing, now, refused, left = ConcurrencyLimit(bound=partitions), 0.0, 0, batches
    ends: list[float] = []
    while left or ends:
        while left and pacing.opens_at() <= now:
            pacing.start()
            if len(ends) < capacity:
                heapq.heappush(ends, now + seconds)
                left -= 1
            else:
                pacing.end(now, refused=True)
                refused += 1
        assert ends, "it waits for nothing"
        now = heapq.heappop(ends)
        pacing.end(now, refused=False)
    parallel = min(capacity, partitions)
    least = seconds * -(-batches // parallel)
    assert now <= least * 1.3 + 2 * seconds
    assert refused <= partitions + now + 1
