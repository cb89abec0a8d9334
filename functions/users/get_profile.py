"""GET /api/v1/auth/profile, GET /api/v1/users/profile: the signed-in user's profile."""

from kernel.errors import NotFoundError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import model, profiles
from users.model import Profile


@endpoint(scope="user", raises=(NotFoundError,))
def handler(request: Request) -> Profile:
    return model.require(profiles.get(request.user_id))
