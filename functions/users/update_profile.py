"""PATCH /api/v1/auth/profile, PATCH /api/v1/users/profile: change the signed-in user's username or e-mail address."""

from kernel import http, outbox
from kernel.contracts.users import UserUpdated
from kernel.database import transaction
from kernel.errors import ConflictError, NotFoundError
from users import profiles, store
from users.schemas import Profile, ProfileChange


@http.endpoint(scope="user", raises=(NotFoundError, ConflictError))
def handler(request: http.Request[ProfileChange]) -> Profile:
    user_id = request.user_id
    with profiles.cached.changing(user_id), transaction("users") as connection:
        changed = store.change_profile(connection, user_id, request.body)
        if changed:
            event = UserUpdated(user_id=user_id, username=changed.username, email=changed.email)
            outbox.add(connection, event)
        profile = changed or store.profile(connection, user_id)
    if profile is None:
        raise NotFoundError("This account does not exist.")
    return profile
