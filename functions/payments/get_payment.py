"""GET /api/v1/payments/{orderId}: read the payment of the signed-in user's order.

While the client has to act with Stripe.js (choose a payment method, pass the bank's check), the response has a client
secret. Keep it from everybody else.
"""

from kernel.errors import NotFoundError
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from payments import store
from payments.database import transaction
from payments.schemas import PaymentView


@endpoint(scope="user")
def handler(request: Request) -> PaymentView:
    with transaction() as connection:
        payment = store.get(connection, request.user_id, request.id("orderId"))
    if payment is None:
        raise NotFoundError("You have no order with this id and a payment.")
    return PaymentView.of(payment)
