"""GET /api/v1/orders/{id}/events, GET /orders/{id}/events: list the events of an order, oldest first.

A guest sends the order's token in the header `Order-Token`.
"""

from kernel.web.endpoint import endpoint
from kernel.web.pages import Page
from kernel.web.requests import Request
from kernel.web.responses import Reply
from orders import access, store
from orders.database import transaction
from orders.schemas import HistoryEntry


@endpoint(token_optional=True, rate="read", reads=("Order-Token",))
def handler(request: Request[None, Page]) -> Reply[list[HistoryEntry]]:
    page = request.query
    [after] = page.start(tuple[int]) or (0,)
    with transaction() as connection:
        order = access.read(connection, request)
        history = store.history(connection, order.order_id, after=after, limit=page.limit)
    entries = [HistoryEntry.of(recorded) for recorded in history]
    return page.reply(entries, HistoryEntry.position)
