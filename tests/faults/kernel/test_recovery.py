"""Recovery counts from a healing to the effect of what was acknowledged before it."""

import pytest

from tests.faults.harness.recovery import longest


@pytest.mark.parametrize(
    ("applied", "acknowledged", "healings", "expected"),
    [
        ({"a": 15.0, "b": 12.0}, {"a": 5.0, "b": 6.0}, [10.0], 5.0),
        ({"a": 15.0}, {"a": 14.0}, [10.0], 0.0),
        ({"a": 8.0}, {"a": 5.0}, [10.0], 0.0),
        ({"a": 25.0}, {"a": 5.0}, [10.0, 20.0], 5.0),
        ({"a": 25.0, "unknown": 30.0}, {"a": 5.0}, [20.0, 10.0], 5.0),
        ({"a": 25.0}, {"a": 5.0}, [], 0.0),
    ],
    ids=["after it", "sent later", "not held up", "by the last one", "of unknown ones not", "without any"],
)
def test_counts_from_the_last_healing_before_the_effect(
    applied: dict[str, float], acknowledged: dict[str, float], healings: list[float], expected: float
) -> None:
    assert longest(applied, acknowledged, healings) == expected
