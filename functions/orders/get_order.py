"""GET /api/v1/orders/{id}, GET /orders/{id}: read the caller's order, or a guest's order.

A guest sends the order's token in the header `Order-Token`.
"""

from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from orders import access
from orders.database import transaction
from orders.model import Order


@endpoint(token_optional=True, rate="read", reads=("Order-Token",))
def handler(request: Request) -> Reply[Order]:
    with transaction() as connection:
        order = access.read(connection, request)
    return Reply(order, headers={"ETag": etags.of(order.version)})
