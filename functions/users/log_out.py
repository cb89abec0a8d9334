"""POST /api/v1/auth/logout: end the session of a refresh token; its access tokens expire within 15 minutes.

The token must be the session's latest or the one before it. Any other is refused and ends no session.
"""

from http import HTTPStatus

from kernel.errors import UnauthorizedError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import sessions
from users.database import transaction
from users.schemas import Refresh
from users.token_families import LOG_IN_AGAIN, RefreshToken


@endpoint(status=HTTPStatus.NO_CONTENT, raises=(UnauthorizedError,))
def handler(request: Request[Refresh]) -> None:
    token = RefreshToken.parse(request.body.refresh_token)
    with transaction() as connection:
        ended = sessions.end(connection, token)
    if not ended:
        raise UnauthorizedError(LOG_IN_AGAIN)
