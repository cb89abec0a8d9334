"""POST /api/v1/auth/refresh: exchange a refresh token, which can be used once, for new tokens.

With an Idempotency-Key the same exchange can be retried until its response arrives.

A token that is used again was stolen by one of its users, so its session ends. For 10 seconds after an exchange the
replaced token is only refused: two tabs that refresh at once stay logged in, with the tokens that one of them got.
"""

from kernel.errors import UnauthorizedError
from kernel.telemetry import logger
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from users import access_tokens, sessions, token_families
from users.database import transaction
from users.schemas import Refresh, Tokens
from users.token_families import RefreshToken, Use


@endpoint(raises=(UnauthorizedError,))
def handler(request: Request[Refresh]) -> Tokens:
    token = RefreshToken.parse(request.body.refresh_token)
    idempotency_key = request.headers.get("idempotency-key")
    token_families.check_idempotency_key(idempotency_key)
    with transaction() as connection:
        rotated = sessions.rotate(connection, token, idempotency_key)
    if isinstance(rotated, Use):
        logger.warning("refresh token refused", extra={"session": str(token.session_id), "use": rotated.name})
        raise UnauthorizedError(token_families.RACED if rotated is Use.RACE else token_families.LOG_IN_AGAIN)
    return access_tokens.issue(rotated.user_id, rotated.scopes, rotated.token)
