"""POST /api/v1/auth/logout: end the session of a refresh token; its access tokens end within their 15 minutes.

The token must be the session's latest or the one before it. Any other is refused, and ends nothing.
"""

from http import HTTPStatus

from kernel import http
from kernel.database import transaction
from kernel.errors import UnauthorizedError
from users import sessions
from users.schemas import Refresh
from users.token_families import LOG_IN_AGAIN, RefreshToken


@http.endpoint(status=HTTPStatus.NO_CONTENT, raises=(UnauthorizedError,))
def handler(request: http.Request[Refresh]) -> None:
    token = RefreshToken.parse(request.body.refresh_token)
    with transaction("users") as connection:
        ended = sessions.end(connection, token)
    if not ended:
        raise UnauthorizedError(LOG_IN_AGAIN)
