"""Faults happen by the number of attempts, and the same seed gives the same places."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import batched

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.harness.schedule import Fault, Schedule, Step, plan


def nothing() -> None:
    pass


@given(seed=st.integers(), faults=st.integers(1, 20), attempts=st.integers(50, 5000))
def test_a_seed_gives_one_plan_in_which_each_fault_is_healed_before_the_next(
    seed: int, faults: int, attempts: int
) -> None:
    """It begins when there is something to lose, and ends while there is still something to come."""
    several = [Fault(nothing, nothing)] * faults

    steps = plan(seed, attempts, several)

    assert steps == plan(seed, attempts, several)
    assert [step.heals for step in steps] == [False, True] * faults
    places = [step.at for step in steps]
    assert places == sorted(set(places))
    assert places[0] >= int(attempts * 0.1)
    assert places[-1] < int(attempts * 0.8) + 2 * faults


@given(seed=st.integers(), lasts=st.integers(1, 10))
def test_a_fault_lasts_as_long_as_it_may_at_most(seed: int, lasts: int) -> None:
    """Where each attempt takes seconds, chance would let it last for minutes."""
    steps = plan(seed, 1000, [Fault(nothing, nothing, lasts)] * 5)

    assert all(0 < healed.at - broken.at <= lasts for broken, healed in batched(steps, 2, strict=True))


def test_no_attempt_is_made_before_the_faults_that_come_before_it() -> None:
    """Whichever of many clients makes it."""
    happened: list[tuple[int, int]] = []
    made, lock = [0], threading.Lock()

    def happen(at: int) -> None:
        happened.append((at, made[0]))

    with Schedule([Step(at, partial(happen, at)) for at in (3, 10, 11)]) as schedule:

        def work() -> None:
            for _ in range(5):
                schedule.count_attempt()
                with lock:
                    made[0] += 1

        with ThreadPoolExecutor(4) as pool:
            for each in [pool.submit(work) for _ in range(4)]:
                each.result()

    assert [at for at, _ in happened] == [3, 10, 11]
    # Four clients: so many attempts may be on their way besides those that were made.
    assert all(at - 4 <= made_before <= at + 4 for at, made_before in happened)


def test_what_is_left_is_done_at_the_end() -> None:
    """A fault that nobody reached is healed all the same."""
    done: list[str] = []

    with Schedule([Step(5, lambda: done.append("broken")), Step(9, lambda: done.append("healed"), heals=True)]):
        pass

    assert done == ["broken", "healed"]


def test_a_step_that_fails_is_told_and_lets_no_client_wait() -> None:
    def fail() -> None:
        raise RuntimeError("the fault could not be made")

    def run() -> None:
        with Schedule([Step(0, fail), Step(1, nothing)]) as schedule:
            for _ in range(3):
                schedule.count_attempt()

    with pytest.raises(RuntimeError, match="could not be made"):
        run()
