"""POST /api/v1/auth/logout: end the session of a refresh token; its access tokens end within their 15 minutes."""

from http import HTTPStatus

from kernel import http
from kernel.database import transaction
from kernel.errors import UnauthorizedError
from users import sessions
from users.model import RefreshToken
from users.schemas import Refresh


@http.endpoint(status=HTTPStatus.NO_CONTENT, raises=(UnauthorizedError,))
def handler(request: http.Request[Refresh]) -> None:
    token = RefreshToken.parse(request.body.refresh_token)
    with transaction("users") as connection:
        sessions.end(connection, token)
