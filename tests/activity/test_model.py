"""The rules of activity, without a server."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activity import model
from kernel.contracts.activity import EventType, UserEvent
from kernel.errors import UnprocessableError


def event(user_id: str) -> UserEvent:
    return UserEvent(event_id=uuid4(), user_id=user_id, event_type=EventType.LOGIN, timestamp=datetime.now(UTC))


@given(st.lists(st.uuids()), st.sets(st.uuids()))
@settings(deadline=None)
def test_events_of_forgotten_users_are_left_out_and_all_others_kept_in_sequence(
    users: list[UUID], forgotten: set[UUID]
) -> None:
    """However a client writes a user's id: ids have no letter case."""
    events = [event(str(user).upper() if number % 2 else str(user)) for number, user in enumerate(users)]

    kept = model.recordable(events, {str(user) for user in forgotten})

    assert kept == [each for each, user in zip(events, users, strict=True) if user not in forgotten]


def test_an_event_of_a_forgotten_user_is_refused() -> None:
    """The reason is named; a user without an account may have any id."""
    with pytest.raises(UnprocessableError, match="the account was deleted"):
        model.check_user(event("ANN"), {"ann"})
    model.check_user(event("bob"), {"ann"})


def test_only_a_long_payload_is_shortened_and_it_keeps_its_values() -> None:
    """Postgres writes `1e300` with all of its zeros."""
    short = json.dumps([10**300])
    long = json.dumps([10**300] * (model.LONG_PAYLOAD // 300))

    assert bytes(model.show_payload(short)).decode() == short
    shown = bytes(model.show_payload(long))
    assert len(shown) < len(long) / 40
    assert {int(Decimal(str(each))) for each in json.loads(shown)} == {10**300}


def test_an_event_without_a_payload_is_shown_without_one() -> None:
    """Null, not the text null."""
    assert model.show_payload(None) is None
