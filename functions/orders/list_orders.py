"""GET /api/v1/orders, GET /orders: the caller's orders, newest first."""

from kernel import http
from kernel.database import transaction
from kernel.responses import Reply
from orders import order_list
from orders.schemas import ListOrders, OrderSummary


@http.endpoint(scope="user", rate="read")
def handler(request: http.Request[None, ListOrders]) -> Reply[list[OrderSummary]]:
    page = request.query
    with transaction("orders") as connection:
        found = order_list.newest(connection, request.user_id, page)
    return page.reply(found, OrderSummary.position)
