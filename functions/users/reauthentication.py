"""The second proof of who asks: what takes an account over needs its password beside an access token."""

from uuid import UUID

from kernel.errors import FieldProblem, ForbiddenError, NotFoundError
from kernel.storage.database import Connection
from kernel.web import rate_limit
from users import passwords, store
from users.database import transaction


def require(user_id: UUID, current_password: str) -> store.Credentials:
    """Return the account, if *current_password* is its password.

    Attempts on an account are limited as log-ins are. Raises ForbiddenError for another password, NotFoundError
    for no account, and TooManyRequestsError.
    """
    rate_limit.require("login", f"account:{user_id}")
    with transaction() as connection:
        found = store.credentials_of(connection, user_id)
    if found is None:
        raise NotFoundError("This account does not exist.")
    if not passwords.verify(found.password_hash, current_password):
        raise _refused()
    return found


def confirm(connection: Connection, account: store.Credentials) -> None:
    """Lock the *account* that `require` returned; raise ForbiddenError if its password was changed meanwhile."""
    if not store.keep_password(connection, account.user_id, account.password_changed_at):
        raise _refused()


def _refused() -> ForbiddenError:
    problem = FieldProblem("currentPassword", "is not the account's password")
    return ForbiddenError("The current password is wrong.", (problem,))
