"""Reauthentication: whatever could take an account over needs its password besides an access token."""

from uuid import UUID

from kernel.errors import FieldProblem, ForbiddenError, NotFoundError
from kernel.storage.database import Connection
from kernel.web import rate_limit
from users import model, passwords, store
from users.database import transaction


def require(user_id: UUID, current_password: str) -> store.Credentials:
    """Return the account. Raises ForbiddenError if *current_password* is not its password.

    Also raises NotFoundError without an account, and TooManyRequestsError: attempts count as log-ins.
    """
    rate_limit.require("login", f"account:{user_id}")
    with transaction() as connection:
        found = store.credentials_of(connection, user_id)
    if found is None:
        raise NotFoundError(model.NO_ACCOUNT)
    if not passwords.verify(found.password_hash, current_password):
        raise _wrong_password()
    return found


def confirm(connection: Connection, account: store.Credentials) -> None:
    """Lock the *account* that `require` returned. Raises ForbiddenError if its password has changed since."""
    if not store.keep_password(connection, account.user_id, account.password_changed_at):
        raise _wrong_password()


def _wrong_password() -> ForbiddenError:
    problem = FieldProblem("currentPassword", "is not the account's password")
    return ForbiddenError("The current password is wrong.", (problem,))
