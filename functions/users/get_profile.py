"""GET /api/v1/auth/profile, GET /api/v1/users/profile: the signed-in user's profile."""

from kernel import http
from kernel.errors import NotFoundError
from users import profiles
from users.schemas import Profile


@http.endpoint(scope="user", raises=(NotFoundError,))
def handler(request: http.Request) -> Profile:
    profile = profiles.get(request.user_id)
    if profile is None:
        raise NotFoundError("This account does not exist.")
    return profile
