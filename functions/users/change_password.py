"""POST /api/v1/users/password, POST /api/v1/auth/password: change the signed-in user's password.

Every session of the user ends, and the response opens a new one. Access tokens of the ended sessions expire within
15 minutes.
"""

from kernel import settings
from kernel.errors import ForbiddenError, NotFoundError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import access_tokens, model, passwords, reauthentication, sessions, store
from users.database import transaction
from users.schemas import PasswordChange, Tokens


@endpoint(scope="user", raises=(NotFoundError, ForbiddenError))
def handler(request: Request[PasswordChange]) -> Tokens:
    user_id, change = request.user_id, request.body
    current = reauthentication.require(user_id, change.current_password)
    refuse_common = settings.refuses_common_passwords()
    names = (current.username, current.email)
    model.check_password("newPassword", change.new_password, *names, refuse_common=refuse_common)
    password_hash = passwords.hash_password(change.new_password)
    with transaction() as connection:
        reauthentication.confirm(connection, current)
        store.change_password(connection, user_id, password_hash)
        sessions.end_all(connection, user_id)
        token = sessions.begin(connection, user_id)
    return access_tokens.issue(user_id, current.scopes, token)
