"""The rules of accounts, without a server."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernel.errors import InvalidError, NotFoundError
from users import model, passwords
from users.commands import ChangeProfile, RequestTransaction
from users.model import Profile

NOW = datetime(2026, 11, 21, tzinfo=UTC)
ANN = Profile(UUID(int=1), "ann", "ann@example.org", NOW, NOW)


def refused(check: object, *arguments: object, **more: object) -> list[tuple[str, str]]:
    """Return the wrong fields that *check* names, or an empty list."""
    try:
        check(*arguments, **more)  # type: ignore[operator]
    except InvalidError as error:
        return list(error.problems)
    return []


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("correct horse", ""),
        ("short", "must have at least 8 characters"),
        ("ﬁﬁﬁﬁ", ""),
        ("e\u0301" * 7, "must have at least 8 characters"),
        ("ANN@example.org", "must not be the username or the e-mail address"),
        ("Password1", "is among the most common passwords"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str, message: str) -> None:
    """Counted and compared in the one spelling that is hashed."""
    problems = refused(model.check_password, "newPassword", password, "ann", ANN.email, refuse_common=True)

    assert [each[0] for each in problems] == (["newPassword"] if message else [])
    assert all(each[1].startswith(message) for each in problems)


def test_common_passwords_may_be_allowed() -> None:
    """By a setting, for tests and imports."""
    assert refused(model.check_password, "password", "password1", refuse_common=False) == []


@given(st.text(max_size=30))
@settings(deadline=None)
def test_two_spellings_of_one_password_are_one(password: str) -> None:
    """A keyboard may send composed or decomposed characters; to normalize twice is to normalize once."""
    once = passwords.normalize(password)

    assert passwords.normalize(once) == once


@pytest.mark.parametrize("email", [None, ANN.email, "other@example.org"])
@pytest.mark.parametrize("is_confirmed", [True, False])
def test_another_address_needs_the_password(email: str | None, is_confirmed: bool) -> None:  # noqa: FBT001 - pytest's
    """Who owns the address owns the account; the same address and another name need none."""
    command = ChangeProfile(ANN.id, "bob", email, is_confirmed=is_confirmed)

    problems = refused(model.check_profile_change, ANN, command)

    needed = email == "other@example.org" and not is_confirmed
    assert [each[0] for each in problems] == (["currentPassword"] if needed else [])


@pytest.mark.parametrize(
    ("cents", "currency", "fields"),
    [
        (-500, "XAU", []),
        (500, "ISK", []),
        (0, "EUR", ["amountCents"]),
        (500, "ZZZ", ["currency"]),
        (0, "ZZZ", ["amountCents", "currency"]),
    ],
)
def test_a_booking_has_an_amount_and_a_currency(cents: int, currency: str, fields: list[str]) -> None:
    """Every wrong field is named. The ledger charges nobody, so it takes all of ISO 4217."""
    command = RequestTransaction(ANN.id, cents, currency, "rent")

    assert [each[0] for each in refused(model.check_transaction, command)] == fields


def test_a_missing_account_is_not_found() -> None:
    """None becomes an answer for the client."""
    assert model.require(ANN) is ANN
    with pytest.raises(NotFoundError, match="This account does not exist"):
        model.require(None)
