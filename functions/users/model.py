"""The rules of accounts: which passwords, changes of a profile and amounts are refused."""

from msgspec import UNSET

from kernel.errors import FieldProblem, InvalidError
from users import passwords
from users.schemas import SHORTEST_PASSWORD, NewTransaction, Profile, ProfileChange


def check_password(field: str, password: str, *names: str, refuse_common: bool) -> None:
    """Raise InvalidError for a new password, in *field*, that is short or among the first to be guessed.

    *names*: what the account is known by.
    *refuse_common*: refuse a password that many people choose.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 30 ms that only a new password needs

    normalized = passwords.normalize(password)
    if len(normalized) < SHORTEST_PASSWORD:
        raise _refused(field, f"must have at least {SHORTEST_PASSWORD} characters when it is composed (NFKC)")
    if normalized.lower() in {name.lower() for name in names}:
        raise _refused(field, "must not be the username or the e-mail address")
    if refuse_common and normalized.lower() in FREQUENCY_LISTS["passwords"]:
        raise _refused(field, "is among the most common passwords: choose another one")


def check_profile_change(before: Profile, change: ProfileChange) -> None:
    """Raise InvalidError for another e-mail address without the password: who has the address has the account."""
    changes_email = change.email is not UNSET and change.email != before.email
    if changes_email and change.current_password is UNSET:
        raise _refused("currentPassword", "is required to change the e-mail address")


def check_transaction(command: NewTransaction) -> None:
    """Raise InvalidError for an amount of nothing or a currency that ISO 4217 does not list."""
    from iso4217 import Currency  # noqa: PLC0415 - 30 ms, likewise

    if command.amount_cents == 0:
        raise _refused("amountCents", "must not be 0")
    if command.currency not in Currency:
        raise _refused("currency", "is not a currency code of ISO 4217")


def _refused(path: str, message: str) -> InvalidError:
    return InvalidError("1 field is wrong.", (FieldProblem(path, message),))
