"""POST /api/v1/payments/webhook: receive an event of Stripe, which signs it and retries until it is accepted.

Events may arrive late, twice and in any sequence. A wrong signature and an unreadable object are refused. Any other
event is accepted, and applied if it has news of one of our payments. Stripe's API is not called.
"""

import time
from uuid import NAMESPACE_OID, uuid5

from kernel.messaging import inbox
from kernel.storage.database import Connection
from kernel.telemetry import logger
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from payments import credentials, signature, store, stripe_events
from payments.database import transaction
from payments.model import Payment
from payments.schemas import Received
from payments.stripe_events import Event, Told, UnreadableError


@endpoint(rate="webhook")
def handler(request: Request[bytes]) -> Received:
    secrets = credentials.get().webhook_secrets
    signature.require(request.body, request.headers.get("stripe-signature"), secrets, now=time.time())
    event, told = _read(request.body)
    with transaction() as connection:
        event_id = uuid5(NAMESPACE_OID, f"stripe {event.id}")
        if inbox.claim(connection, "payments-stripe", [event_id]) and told and told.intent_id:
            payment = store.lock_by_intent(connection, told.intent_id)
            if payment is not None:
                _keep(connection, payment, told)
    return Received()


def _read(body: bytes) -> tuple[Event, Told | None]:
    try:
        event = stripe_events.read(body)
        return event, stripe_events.tell(event)
    except UnreadableError as error:
        logger.warning("webhook of Stripe cannot be read", extra=error.details)
        raise


def _keep(connection: Connection, payment: Payment, told: Told) -> None:
    news = stripe_events.news(told, payment)
    taken = (news.taken_amount, news.taken_currency)
    if news.money == "taken" and taken != (payment.amount, payment.currency):
        # Another amount pays no order. The reconciliation reads the real amount from Stripe, and gives it back.
        logger.error("another amount was paid than ordered", extra={"orderId": str(payment.order_id), "taken": taken})
        store.look_soon(connection, payment)
    else:
        store.change(connection, payment, news)
