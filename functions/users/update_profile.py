"""PATCH /api/v1/auth/profile, PATCH /api/v1/users/profile: change the signed-in user's username or e-mail address.

Another e-mail address needs the account's password as well, in `currentPassword`.
"""

from msgspec import UNSET

from kernel.contracts.users import UserUpdated
from kernel.errors import ConflictError, ForbiddenError, NotFoundError
from kernel.messaging import outbox
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import model, profiles, reauthentication, store
from users.commands import ChangeProfile
from users.database import transaction
from users.model import Profile
from users.schemas import ProfileChange


@endpoint(scope="user", raises=(NotFoundError, ConflictError, ForbiddenError))
def handler(request: Request[ProfileChange]) -> Profile:
    user_id, change = request.user_id, request.body
    given = change.current_password
    account = None if given is UNSET else reauthentication.require(user_id, given)
    command = ChangeProfile(user_id, change.username or None, change.email or None, is_confirmed=account is not None)
    with profiles.cached.changing(user_id), transaction() as connection:
        if account:
            reauthentication.confirm(connection, account)
        before = model.require(store.lock_profile(connection, user_id))
        model.check_profile_change(before, command)
        changed = store.change_profile(connection, command)
        if changed:
            outbox.add(
                connection,
                UserUpdated(
                    user_id=user_id, username=changed.username, email=changed.email, updated_at=changed.updated_at
                ),
            )
    return changed or before
