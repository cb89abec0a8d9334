"""GET /api/v1/auth/profile, GET /api/v1/users/profile: the signed-in user's profile."""

from kernel.errors import NotFoundError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import profiles
from users.model import Profile


@endpoint(scope="user", raises=(NotFoundError,))
def handler(request: Request) -> Profile:
    profile = profiles.get(request.user_id)
    if profile is None:
        raise NotFoundError("This account does not exist.")
    return profile
