"""What slows a long command down, or stops it: the rules alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import InvalidError
from operations.brakes import FIRST_PER_SECOND, LEAST_COUNTED, LEAST_PER_SECOND, MOST_PER_SECOND, Brakes
from operations.commands import LongChange

RATES = st.floats(LEAST_PER_SECOND, MOST_PER_SECOND)
DURATIONS = st.none() | st.floats(0.1, 100_000)
COUNTS = st.integers(0, 1_000_000)


def brakes(**options: object) -> Brakes:
    return Brakes.of(LongChange(**options))  # type: ignore[arg-type] # as a payload has them


def test_without_options_nothing_brakes() -> None:
    """Everything may fail, and the rate has no limit."""
    found = brakes()

    assert found.first_rate() is None
    assert found.next_rate(None, 1000, 1) is None
    assert found.explain_failures(100, 100) is None


def test_options_are_read_with_their_units() -> None:
    found = brakes(rate="0.5/s", canary=10, min_success="99%", stop_on_failures="1%", live_p99="1.5x")

    assert (found.rate, found.canary, found.min_success, found.most_failures, found.slowdown) == (
        0.5,
        10,
        0.99,
        0.01,
        1.5,
    )


@pytest.mark.parametrize(
    ("options", "field", "told"),
    [
        ({"rate": "200"}, "rate", "above 0 and at most 100000, with its unit: e.g. 1/s"),
        ({"rate": "0/s"}, "rate", "above 0"),
        ({"rate": "-1/s"}, "rate", "above 0"),
        ({"rate": "100001/s"}, "rate", "at most 100000"),
        ({"rate": "\u0661/s"}, "rate", "above 0"),
        ({"canary": 1, "min_success": "101%"}, "min_success", "at most 100"),
        ({"min_success": "99%"}, "min_success", "give --canary too"),
        ({"stop_on_failures": "1"}, "stop_on_failures", "e.g. 1%"),
        ({"live_p99": "0.9x"}, "live_p99", "at least 1x"),
        ({"live_p99": "fast"}, "live_p99", "e.g. 1x"),
    ],
)
def test_an_option_that_is_not_usable_is_refused(options: dict[str, object], field: str, told: str) -> None:
    """With what it must be."""
    with pytest.raises(InvalidError) as refused:
        brakes(**options)

    assert [problem.path for problem in refused.value.problems] == [field]
    assert told in refused.value.problems[0].message


def test_all_wrong_options_are_named_at_once() -> None:
    with pytest.raises(InvalidError) as refused:
        brakes(rate="x", stop_on_failures="x", live_p99="x")

    assert [problem.path for problem in refused.value.problems] == ["rate", "stop_on_failures", "live_p99"]


@given(st.none() | st.integers(1, MOST_PER_SECOND))
def test_a_command_that_minds_live_consumers_begins_slowly(rate: int | None) -> None:
    """Never faster than it may be at all."""
    found = brakes(live_p99="1.5x", rate=rate and f"{rate}/s").first_rate()

    assert found == min(rate or FIRST_PER_SECOND, FIRST_PER_SECOND)


@given(RATES, st.none() | st.integers(1, MOST_PER_SECOND), DURATIONS, DURATIONS)
def test_the_rate_stays_within_its_limits(
    rate: float, limit: int | None, p99: float | None, usual: float | None
) -> None:
    """Whatever the consumers do, it is above 0 and at most what was allowed, and it never leaps."""
    found = brakes(live_p99="1.5x", rate=limit and f"{limit}/s").next_rate(rate, p99, usual)

    assert found is not None
    assert min(LEAST_PER_SECOND, limit or rate) <= found <= max(rate, limit or MOST_PER_SECOND)
    assert found <= rate * 1.25


@given(RATES, st.floats(0.1, 100_000), st.floats(1.001, 100))
def test_the_rate_falls_while_consumers_take_too_long(rate: float, usual: float, times: float) -> None:
    found = brakes(live_p99="2x").next_rate(rate, usual * 2 * times, usual)

    assert found is not None
    assert found == LEAST_PER_SECOND or found < rate


@given(st.floats(0.1, 100_000), st.floats(0.001, 1.999))
def test_the_rate_rises_to_its_limit_while_they_do_not(usual: float, times: float) -> None:
    """From the lowest one within a few dozen looks."""
    limits, rate = brakes(live_p99="2x", rate="2000/s"), LEAST_PER_SECOND
    for _ in range(40):
        found = limits.next_rate(rate, usual * times, usual)
        assert found is not None
        rate = found

    assert rate == 2000


@given(RATES)
def test_the_rate_rises_where_nobody_is_disturbed(rate: float) -> None:
    """Before the command there was no batch of a live consumer."""
    found = brakes(live_p99="2x").next_rate(rate, 500, None)

    assert found is not None
    assert found > rate or found == MOST_PER_SECOND


@given(RATES, st.floats(0.1, 100_000))
def test_the_rate_is_kept_while_nothing_is_known_of_the_consumers(rate: float, usual: float) -> None:
    """Their log lines come late, or do not come."""
    assert brakes(live_p99="2x").next_rate(rate, None, usual) == rate


@given(COUNTS, COUNTS)
def test_a_command_stops_when_too_much_fails(published: int, failed: int) -> None:
    """A part of what was published, of which a first hundred count as such."""
    explanation = brakes(stop_on_failures="1%").explain_failures(published, failed)

    assert (explanation is not None) == (failed > 0.01 * max(published, LEAST_COUNTED))
    assert explanation is None or f"{failed} of {published} failed again" in explanation


def test_one_failure_stops_a_command_that_allows_none() -> None:
    assert brakes(stop_on_failures="0%").explain_failures(1_000, 1) is not None


@given(st.integers(0, 1_000), st.integers(0, 1_000))
def test_a_canary_that_fails_stops_a_command(published: int, failed: int) -> None:
    failed = min(failed, published)

    explanation = brakes(canary=1, min_success="90%").explain_canary(published, failed)

    assert (explanation is None) == (published == 0 or (published - failed) / published >= 0.9)


def test_a_canary_must_succeed_whole_unless_told_otherwise() -> None:
    assert brakes(canary=100).explain_canary(100, 1) == "only 99 of the canary's 100 succeeded, and 100.00% must"


@given(st.integers(0, 1_000_000))
def test_the_expected_duration_follows_the_rate(count: int) -> None:
    assert brakes(rate="100/s").expected_seconds(count) == round(count / 100, 1)
