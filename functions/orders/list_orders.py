"""GET /api/v1/orders, GET /orders: the caller's orders, newest first."""

from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from orders import order_list
from orders.database import transaction
from orders.schemas import ListOrders, OrderSummary


@endpoint(scope="user", rate="read")
def handler(request: Request[None, ListOrders]) -> Reply[list[OrderSummary]]:
    page = request.query
    with transaction() as connection:
        found = order_list.newest(connection, request.user_id, page)
    return page.reply(found, OrderSummary.position)
