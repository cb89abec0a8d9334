"""Refresh tokens and what their use means, without a server."""

import contextlib
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import InvalidError, UnauthorizedError
from users import token_families
from users.token_families import GRACE, Family, RefreshToken, Use

KEY = bytes(range(32))
SESSION = UUID(int=1)


def family(current: RefreshToken, previous: RefreshToken | None = None, ago: timedelta | None = None) -> Family:
    return Family(current.hash(), previous and previous.hash(), ago, KEY)


@given(st.uuids(), st.binary(min_size=32, max_size=32) | st.none())
@settings(deadline=None)
def test_a_token_is_read_as_it_was_written(session: UUID, key: bytes | None) -> None:
    """Also one of a session from before tokens had tags."""
    token = RefreshToken.new(session, key)

    assert RefreshToken.parse(token.text()) == token
    assert token.was_issued(key)


@given(st.text(max_size=80))
@settings(deadline=None)
def test_no_text_is_an_error_of_ours(text: str) -> None:
    """Whatever a client sends, it is a token or it is refused."""
    with contextlib.suppress(UnauthorizedError):
        assert RefreshToken.parse(text).text() == text


@pytest.mark.parametrize("key", ["a-random-uuid-of-36-characters", None])
def test_the_same_exchange_has_one_successor_and_any_other_another(key: str | None) -> None:
    """A retry with the key gets the token that was lost; without a key every exchange is a new one."""
    token = RefreshToken.new(SESSION, KEY)

    assert (token.successor(key, KEY) == token.successor(key, KEY)) == (key is not None)
    assert token.successor("another key", KEY) != token.successor(key, KEY)


@given(st.lists(st.sampled_from(["refresh", "retry", "old tab", "thief", "guess"]), max_size=12), st.data())
@settings(deadline=None)
def test_only_a_token_of_the_past_ends_a_session(steps: list[str], data: st.DataObject) -> None:
    """Whatever is tried in whatever sequence, each use is told for what it is."""
    used: list[RefreshToken] = []
    current, last_key = RefreshToken.new(SESSION, KEY), ""
    for step in steps:
        previous = used[-1] if used else None
        match step:
            case "refresh":
                last_key = str(uuid4())
                successor = current.successor(last_key, KEY)
                assert family(current, previous).judge(current, successor) is Use.ROTATION
                used.append(current)
                current = successor
            case "retry" if previous:
                known = family(current, previous, GRACE * 2)
                assert known.judge(previous, previous.successor(last_key, KEY)) is Use.REPETITION
            case "old tab" if previous:
                known = family(current, previous, GRACE / 2)
                assert known.judge(previous, previous.successor(None, KEY)) is Use.RACE
            case "thief" if previous:
                stolen = data.draw(st.sampled_from(used))
                known = family(current, previous, GRACE * 2)
                assert known.judge(stolen, stolen.successor(None, KEY)) is Use.THEFT
            case "guess":
                guessed = RefreshToken.new(SESSION, bytes(32))
                assert family(current, previous).judge(guessed, guessed.successor(None, KEY)) is Use.GUESS


def test_a_key_that_is_easily_guessed_is_refused() -> None:
    """It would let a thief of the token ask for its successor."""
    token_families.check_idempotency_key(None)
    token_families.check_idempotency_key("x" * 16)
    with pytest.raises(InvalidError, match="at least 16 characters"):
        token_families.check_idempotency_key("x" * 15)
