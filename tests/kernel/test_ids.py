"""Ids have the time at which they were made."""

from datetime import UTC, datetime, timedelta

import pytest

from kernel import ids


def test_an_id_tells_when_it_was_made() -> None:
    """To the millisecond."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)

    made = ids.time_of(str(ids.new()))

    assert made is not None
    assert before <= made <= datetime.now(UTC)


@pytest.mark.parametrize(
    "text", ["7d444840-9dc0-41d1-b245-5ffdce74fad2", "no uuid", "", "ffffffff-ffff-7fff-bfff-ffffffffffff"]
)
def test_any_other_text_tells_nothing(text: str) -> None:
    """Nor does a time that no calendar has."""
    assert ids.time_of(text) is None
