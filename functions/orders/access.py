"""Who may read an order: its customer, or whoever has its guest's token."""

from typing import Any

from kernel.errors import NotFoundError
from kernel.storage.database import Connection
from kernel.web.requests import Request
from orders import guest_tokens, repository
from orders.model import Order


class OrderTokenError(NotFoundError):
    """The token opens no such order."""

    refuses_credential = True


def readable(connection: Connection, request: Request[Any, Any]) -> Order:
    """The order in the path. Raises NotFoundError, which does not tell one that is another's from none."""
    order, token = repository.get(connection, request.id()), request.headers.get("order-token")
    if order is not None:
        reader = request.principal.user_id if request.principal else None
        if reader is not None and order.customer_id == reader:
            return order
        if guest_tokens.opens(connection, order.order_id, token):
            return order
    refused = NotFoundError if token is None else OrderTokenError
    raise refused("There is no such order. A guest reads theirs with its token in the header `Order-Token`.")
