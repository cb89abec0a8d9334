"""POST /api/v1/auth/refresh: exchange a refresh token, which is good once, for new tokens.

With an Idempotency-Key the same exchange can be asked for again until its answer arrives.
"""

from kernel import http
from kernel.database import transaction
from kernel.errors import UnauthorizedError
from kernel.telemetry import logger
from users import access_tokens, model, sessions
from users.schemas import Refresh, Tokens


@http.endpoint(raises=(UnauthorizedError,))
def handler(request: http.Request[Refresh]) -> Tokens:
    token = model.RefreshToken.parse(request.body.refresh_token)
    successor = token.successor(request.headers.get("idempotency-key"))
    with transaction("users") as connection:
        rotated = sessions.rotate(connection, token, successor)
    if rotated is None:
        logger.warning("refresh token refused", extra={"session": str(token.session_id)})
        raise UnauthorizedError(model.SIGN_IN_AGAIN)
    return access_tokens.issue(rotated.user_id, rotated.scopes, rotated.token)
