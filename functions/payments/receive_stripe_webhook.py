"""POST /api/v1/payments/webhook: what Stripe tells of a payment, signed by it and sent until it is taken.

It may come late, twice and in any order. Everything but a wrong signature is taken: what it tells is kept if it is news
of a payment of ours, and nothing is asked back of Stripe.
"""

from uuid import NAMESPACE_OID, uuid5

from kernel import http, inbox
from kernel.database import transaction
from payments import credentials, signature, store, stripe_events
from payments.schemas import Received


@http.endpoint(rate="webhook")
def handler(request: http.Request[bytes]) -> Received:
    signature.require(request.body, request.headers.get("stripe-signature"), credentials.get().webhook_secrets)
    event = stripe_events.read(request.body)
    with transaction("payments") as connection:
        intent_id = stripe_events.intent_id(event)
        if inbox.claim(connection, "payments-stripe", [uuid5(NAMESPACE_OID, f"stripe {event.id}")]) and intent_id:
            payment = store.lock_by_intent(connection, intent_id)
            if payment is not None:
                store.change(connection, payment, stripe_events.news(event, payment))
    return Received()
