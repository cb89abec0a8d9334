"""GET /api/v1/transactions: the signed-in user's transactions, newest first."""

from datetime import datetime
from uuid import UUID

from kernel.web.endpoint import endpoint
from kernel.web.pages import Page
from kernel.web.requests import Request
from kernel.web.responses import Reply
from transactions import store
from transactions.database import transaction
from transactions.model import TransactionView


@endpoint(scope="user", rate="read")
def handler(request: Request[None, Page]) -> Reply[list[TransactionView]]:
    page = request.query
    after = page.start(tuple[datetime, UUID])
    with transaction() as connection:
        found = store.newest(connection, request.user_id, page.limit, after=after)
    return page.reply(found, TransactionView.position)
