"""POST /api/v1/notifications, POST /api/v1/notification: notify the signed-in user, or another one."""

from http import HTTPStatus

from kernel.errors import ForbiddenError, ForgottenError, NotFoundError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from notifications import notices, own_list
from notifications.database import transaction
from notifications.model import Notice
from notifications.schemas import CreateNotification, NotificationView


@endpoint(
    status=HTTPStatus.CREATED,
    scope="user",
    more_with="notifications:write",
    rate="write",
    idempotent=True,
    raises=(NotFoundError,),
)
def handler(request: Request[CreateNotification]) -> NotificationView:
    command = request.body
    user_id = command.user_id or request.user_id
    if user_id != request.user_id and not (request.principal and request.principal.may("notifications:write")):
        raise ForbiddenError("Sign in with a token that has the scope `notifications:write` to notify other users.")
    with own_list.newest.changing(user_id), transaction() as connection:
        created = notices.add_many(connection, [Notice(user_id, command.type, command.message)])
    if not created:
        raise ForgottenError if user_id == request.user_id else NotFoundError("This user does not exist any more.")
    return created[0]
