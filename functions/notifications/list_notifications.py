"""GET /api/v1/notifications/user, GET /api/v1/notification/user: the signed-in user's notifications, newest first."""

from datetime import datetime
from uuid import UUID

from kernel.web.endpoint import endpoint
from kernel.web.pages import Page
from kernel.web.requests import Request
from kernel.web.responses import Reply
from notifications import own_list, store
from notifications.database import transaction
from notifications.schemas import NotificationView


@endpoint(scope="user", rate="read")
def handler(request: Request[None, Page]) -> Reply[list[NotificationView]]:
    page = request.query
    after = page.start(tuple[datetime, UUID])
    found = _read(request.user_id, after, page.limit) if after else _newest(request.user_id)[: page.limit]
    return page.reply(found, lambda each: (each.created_at, each.id))


def _newest(user_id: UUID) -> list[NotificationView]:
    return own_list.newest.get_or_load(user_id, lambda: _read(user_id, None, own_list.LENGTH)) or []


def _read(user_id: UUID, after: tuple[datetime, UUID] | None, limit: int) -> list[NotificationView]:
    with transaction() as connection:
        return store.newest(connection, user_id, limit, after=after)
