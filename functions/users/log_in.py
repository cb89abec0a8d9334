"""POST /api/v1/auth/login, POST /api/v1/users/login: open a session with a username or an e-mail address.

An unknown user and a wrong password get the same response after the same time.
"""

import hashlib

from kernel.errors import FieldProblem, UnauthorizedError, refuse_fields
from kernel.web import rate_limit
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import access_tokens, passwords, sessions, store
from users.database import transaction
from users.schemas import LogIn, Tokens

REFUSED = "The username, the e-mail address or the password is wrong."


@endpoint(rate="login", raises=(UnauthorizedError,))
def handler(request: Request[LogIn]) -> Tokens:
    login = request.body
    rate_limit.require("login", f"account:{_account(login)}")
    with transaction() as connection:
        found = store.credentials(connection, login)
    known = passwords.verify(found.password_hash if found else None, login.password)
    if found is None or not known:
        raise UnauthorizedError(REFUSED)
    outdated = passwords.is_outdated(found.password_hash, login.password)
    rehashed = passwords.hash_password(login.password) if outdated else None
    with transaction() as connection:
        if not store.keep_password(connection, found.user_id, found.password_changed_at):
            raise UnauthorizedError(REFUSED)
        if rehashed:
            store.replace_hash(connection, found.user_id, rehashed)
        token = sessions.begin(connection, found.user_id)
    return access_tokens.issue(found.user_id, found.scopes, token)


def _account(login: LogIn) -> str:
    """Return the name under which attempts on one account are counted, wherever they come from. It reveals nothing."""
    names = [name for name in (login.username, login.email) if name]
    if len(names) != 1:
        refuse_fields([FieldProblem("body", "must have either username or email")])
    return hashlib.sha256(names[0].lower().encode()).hexdigest()
