"""POST /api/v1/orders, POST /orders: place an order, for an amount or for items at the catalog's prices.

Without a token it is a guest's order, for an amount: the answer's `token`, sent as the header `Order-Token`, reads it.
"""

from http import HTTPStatus

from msgspec.structs import asdict

from kernel import ids
from kernel.errors import ConflictError, ForbiddenError
from kernel.storage.database import transaction
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply
from orders import guest_tokens, pricing, products, repository
from orders.schemas import CreateOrder, PlacedOrder


@endpoint(
    status=HTTPStatus.CREATED,
    token_optional=True,
    more_with="user",
    rate="order",
    idempotent_in="orders",
    raises=(ConflictError, ForbiddenError),
)
def handler(request: Request[CreateOrder]) -> Reply[PlacedOrder]:
    command = request.body
    pricing.check(command)
    if request.principal and not request.principal.may("user"):
        raise ForbiddenError("To place an order takes a token with the scope user, or none.")
    customer = request.principal.user_id if request.principal else None
    with transaction("orders") as connection:
        if command.amount is not None:
            event = pricing.of_amount(command, command.amount, customer)
        else:
            buyer = request.user_id
            on_sale = products.on_sale(connection, [item.product_id for item in command.items or ()])
            event = pricing.of_items(command, buyer, on_sale)
        order = repository.add(connection, ids.new(), event)
        token = None if customer else guest_tokens.issue(connection, order.order_id)
    headers = {"ETag": etags.of(order.version), "Location": f"orders/{order.order_id}"}
    return Reply(PlacedOrder(**asdict(order), token=token), headers=headers)
