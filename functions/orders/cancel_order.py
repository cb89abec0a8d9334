"""POST /api/v1/orders/{id}/cancel, POST /orders/{id}/cancel: cancel the caller's order; its money is given back.

An order that is already cancelled or refunded is left unchanged.
"""

from kernel.errors import ConflictError
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from orders import model, repository
from orders.database import transaction
from orders.model import Order


@endpoint(scope="user", rate="write", raises=(ConflictError,))
def handler(request: Request) -> Reply[Order]:
    customer = request.user_id
    with transaction() as connection:
        order = repository.change(connection, request.id(), lambda order: model.cancel(order, customer))
    return Reply(order, headers={"ETag": etags.of(order.version)})
