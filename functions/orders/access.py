"""Read access to orders: for the customer, and for clients that send the order's guest token."""

from typing import Any

from kernel.errors import NotFoundError
from kernel.storage.database import Connection
from kernel.web.requests import Request
from orders import guest_tokens, repository
from orders.model import Order


class OrderTokenError(NotFoundError):
    """The guest token does not match."""

    refuses_credential = True


def read(connection: Connection, request: Request[Any, Any]) -> Order:
    """Return the order in the path.

    Raises NotFoundError both when the order does not exist and when it belongs to somebody else, so the answer
    reveals neither.
    """
    order, token = repository.get(connection, request.id()), request.headers.get("order-token")
    if order is not None:
        reader = request.principal.user_id if request.principal else None
        if reader is not None and order.customer_id == reader:
            return order
        if guest_tokens.matches(connection, order.order_id, token):
            return order
    error = NotFoundError if token is None else OrderTokenError
    raise error("There is no such order. Guests send the order's token in the header `Order-Token`.")
