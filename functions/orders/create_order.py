"""POST /api/v1/orders, POST /orders: place an order, for an amount or for items at the catalog's prices.

Without a token it is a guest's order, for an amount: the `token` of the response, in the header `Order-Token`, reads it.
"""

from http import HTTPStatus

from msgspec.structs import asdict

from kernel import ids
from kernel.errors import ConflictError, ForbiddenError, UnauthorizedError
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import SIGN_IN, Request
from kernel.web.responses import Reply
from orders import guest_tokens, pricing, products, repository
from orders.commands import PlaceOrder, WantedItem
from orders.database import transaction
from orders.schemas import CreateOrder, PlacedOrder


@endpoint(
    status=HTTPStatus.CREATED,
    token_optional=True,
    more_with="user",
    rate="order",
    idempotent=True,
    raises=(ConflictError, ForbiddenError),
)
def handler(request: Request[CreateOrder]) -> Reply[PlacedOrder]:
    command = _command(request)
    pricing.check(command)
    if request.principal and not request.principal.may("user"):
        raise ForbiddenError("Sign in with a token that has the scope `user`, or send no token for a guest order.")
    if command.items and command.customer_id is None:
        raise UnauthorizedError(SIGN_IN)
    with transaction() as connection:
        wanted = [item.product_id for item in command.items]
        on_sale = products.on_sale(connection, wanted) if wanted else {}
        order = repository.add(connection, ids.new(), pricing.create(command, on_sale))
        token = None if command.customer_id else guest_tokens.issue(connection, order.order_id)
    headers = {"ETag": etags.of(order.version), "Location": f"orders/{order.order_id}"}
    return Reply(PlacedOrder(**asdict(order), token=token), headers=headers)


def _command(request: Request[CreateOrder]) -> PlaceOrder:
    body, principal = request.body, request.principal
    return PlaceOrder(
        customer_id=principal.user_id if principal else None,
        amount=body.amount,
        currency=body.currency,
        items=tuple(WantedItem(each.product_id, each.quantity, each.price_cents) for each in body.items or ()),
        payment_method=body.payment_method,
    )
