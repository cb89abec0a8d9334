"""POST /api/v1/notifications/{id}/read, POST /api/v1/notification/{id}/read: the signed-in user has read it."""

from kernel import http
from kernel.database import transaction
from kernel.errors import NotFoundError
from notifications import own_list, store
from notifications.schemas import NotificationView


@http.endpoint(scope="user", rate="write", idempotent_in="notifications")
def handler(request: http.Request) -> NotificationView:
    user_id = request.user_id
    with own_list.newest.changing(user_id), transaction("notifications") as connection:
        read = store.mark_read(connection, user_id, request.id())
    if read is None:
        raise NotFoundError("You have no such notification.")
    return read
