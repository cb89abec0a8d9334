"""POST /api/v1/notifications/{id}/read, POST /api/v1/notification/{id}/read: mark one of the signed-in user's notifications as read."""

from kernel.errors import NotFoundError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from notifications import own_list, store
from notifications.database import transaction
from notifications.schemas import NotificationView


@endpoint(scope="user", rate="write", idempotent=True)
def handler(request: Request) -> NotificationView:
    user_id = request.user_id
    with own_list.newest.changing(user_id), transaction() as connection:
        read = store.mark_read(connection, user_id, request.id())
    if read is None:
        raise NotFoundError("You have no such notification.")
    return read
