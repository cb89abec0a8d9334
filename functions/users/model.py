"""The rules of accounts: which passwords, changes of a profile and amounts are refused."""

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from msgspec import Struct

from kernel import currencies
from kernel.errors import FieldProblem, NotFoundError, refuse_fields
from users import passwords
from users.commands import ChangeProfile, RequestTransaction

NO_ACCOUNT = "This account does not exist."


class Profile(Struct, frozen=True, rename="camel"):
    id: UUID
    username: str
    email: str
    created_at: datetime
    updated_at: datetime


class Transaction(Struct, frozen=True, rename="camel"):
    """A requested transaction, which the transactions domain books."""

    id: UUID
    user_id: UUID
    amount_cents: int
    currency: str
    description: str
    created_at: datetime


def require(profile: Profile | None) -> Profile:
    """Return *profile*. Raises NotFoundError if it is None."""
    if profile is None:
        raise NotFoundError(NO_ACCOUNT)
    return profile


def check_password(field: str, password: str, *names: str, refuse_common: bool) -> None:
    """Raise InvalidError for a new password that is short or easily guessed.

    *field*: where the client sent it.
    *names*: the account's username and e-mail address.
    *refuse_common*: refuse a password that many people choose.
    """
    refuse_fields(_password_problems(field, password, names, refuse_common=refuse_common))


def check_profile_change(before: Profile, command: ChangeProfile) -> None:
    """Raise InvalidError for another e-mail address without the password: who owns the address owns the account."""
    if command.email not in (None, before.email) and not command.is_confirmed:
        refuse_fields([FieldProblem("currentPassword", "is required to change the e-mail address")])


def check_transaction(command: RequestTransaction) -> None:
    """Raise InvalidError for an amount of 0 or a currency that ISO 4217 does not list."""
    refuse_fields(_transaction_problems(command))


def _password_problems(
    field: str, password: str, names: tuple[str, ...], *, refuse_common: bool
) -> Iterator[FieldProblem]:
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415 - 30 ms that only a new password needs

    normalized = passwords.normalize(password)
    if len(normalized) < passwords.SHORTEST:
        yield FieldProblem(field, f"must have at least {passwords.SHORTEST} characters when it is composed (NFKC)")
    elif normalized.lower() in {name.lower() for name in names}:
        yield FieldProblem(field, "must not be the username or the e-mail address")
    elif refuse_common and normalized.lower() in FREQUENCY_LISTS["passwords"]:
        yield FieldProblem(field, "is among the most common passwords: choose another one")


def _transaction_problems(command: RequestTransaction) -> Iterator[FieldProblem]:
    if command.amount_cents == 0:
        yield FieldProblem("amountCents", "must not be 0")
    yield from currencies.ledger_problems(command.currency)
