"""Stripe's API: one call for each step of a payment, which returns the news of the payment.

An order is charged once however often the steps are repeated, and however long Stripe remembers keys (24 hours): an
intent takes money once, and we only confirm the intent that was stored before. So only the creation and the refund
need a key. Unless Stripe's response says what happened, UnavailableError is raised. Repeating the step finds it out.

Stripe: "Idempotent requests", "The PaymentIntent object", "Error handling".
"""

import functools
import os
from collections.abc import Callable
from typing import TYPE_CHECKING

import stripe
from stripe import PaymentIntent, StripeClient

from kernel import ids
from kernel.errors import UnavailableError
from payments import credentials, model, refunds
from payments.model import News, Payment, Step, Waiting

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams

TIMEOUT_SECONDS = 6
WAITING: dict[str, Waiting] = {
    "requires_payment_method": "requires_payment_method",
    # The client has chosen a method, and has not confirmed it.
    "requires_confirmation": "requires_payment_method",
    "requires_action": "requires_action",
    "processing": "processing",
}

stripe.enable_telemetry = False


class RefusedError(Exception):
    """Stripe rejects the step for good. A person has to handle it."""


def take(step: Step, payment: Payment) -> News:
    """Do *step* at Stripe. Raises UnavailableError, and RefusedError for a refund that Stripe rejects."""
    return _call(STEPS[step], payment)


def look(payment: Payment) -> News:
    """Return the state of the payment's intent at Stripe. Raises UnavailableError."""
    return _call(_look, payment)


def _call(function: Callable[[Payment], News], payment: Payment) -> News:
    try:
        return function(payment)
    except stripe.AuthenticationError as error:
        # The key was replaced. The next attempt uses the new one.
        credentials.get(fresh=True)
        raise UnavailableError("Stripe rejects the API key.") from error
    except stripe.StripeError as error:
        raise UnavailableError(f"Stripe did not say what happened: {type(error).__name__} {error.code}") from error


def _abandon(_payment: Payment) -> News:
    """End a payment that was never sent to Stripe."""
    return News(money="ended")


def _create(payment: Payment) -> News:
    try:
        intent = _create_intent(payment, str(payment.order_id))
    except (stripe.APIError, stripe.IdempotencyError) as error:
        if isinstance(error, stripe.APIError) and not (error.headers or {}).get("Idempotent-Replayed"):
            raise
        # The key is used up: by an error that Stripe replays for a day, or by another release's parameters. An intent
        # that was not stored is never confirmed, so another one is harmless.
        intent = _create_intent(payment, str(ids.new()))
    except (stripe.CardError, stripe.InvalidRequestError) as error:
        return News(money="ended", failure_reason=_reason(error))
    return _news_of(payment, intent)


def _create_intent(payment: Payment, key: str) -> PaymentIntent:
    parameters: PaymentIntentCreateParams = {
        "amount": payment.amount,
        "currency": (payment.currency or "").lower(),
        "metadata": {"orderId": str(payment.order_id)},
        # A method that redirects to another site would need a return address.
        "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
    }
    if payment.payment_method:
        parameters["payment_method"] = payment.payment_method
    return _client().v1.payment_intents.create(parameters, {"idempotency_key": key})


def _confirm(payment: Payment) -> News:
    try:
        intent = _client().v1.payment_intents.confirm(_intent_id(payment))
    except stripe.CardError as error:
        return model.decline(payment, _reason(error))
    except stripe.InvalidRequestError as error:
        # It was confirmed before, or cancelled, or Stripe rejects it for good.
        found = _look(payment)
        return found if payment.after(found) != payment else model.decline(payment, _reason(error))
    return _news_of(payment, intent)


def _cancel(payment: Payment) -> News:
    try:
        intent = _client().v1.payment_intents.cancel(_intent_id(payment))
    except stripe.InvalidRequestError:
        return _look(payment)
    return _news_of(payment, intent)


def _refund(payment: Payment) -> News:
    """Refund the rest of the money. A pending refund counts as made until it fails."""
    key = f"{payment.order_id}-refund"
    try:
        refund = _client().v1.refunds.create({"payment_intent": _intent_id(payment)}, {"idempotency_key": key})
    except stripe.InvalidRequestError as error:
        if error.code == "charge_already_refunded":
            return News(money="returned")
        raise RefusedError(_reason(error)) from error
    # Stripe omits it unless the refund failed.
    reason = getattr(refund, "failure_reason", None)
    found = refunds.of_status(refund.id, refund.amount, refund.status, reason)
    return News(money="taken" if found.has_failed else "returned", refunds=(found,))


def _look(payment: Payment) -> News:
    return _news_of(payment, _client().v1.payment_intents.retrieve(_intent_id(payment)))


def _news_of(payment: Payment, intent: PaymentIntent) -> News:
    found = News(intent_id=intent.id, client_secret=intent.client_secret)
    if intent.status == "succeeded":
        currency = intent.currency.upper()
        return found._replace(money="taken", taken_amount=intent.amount_received, taken_currency=currency)
    if intent.status == "canceled":
        return found._replace(money="ended")
    if payment.payment_method is None or intent.status in ("requires_action", "processing"):
        return found._replace(waiting_for=WAITING[intent.status])
    if intent.status == "requires_payment_method":
        # Stripe detaches a refused method from the intent.
        error = intent.last_payment_error
        reason = getattr(error, "decline_code", None) or getattr(error, "code", None)
        return found._replace(failure_reason=reason or "declined")
    return found


def _intent_id(payment: Payment) -> str:
    if payment.intent_id is None:
        message = f"The payment of the order {payment.order_id} has no intent."
        raise ValueError(message)
    return payment.intent_id


def _reason(error: stripe.StripeError) -> str:
    """Return the bank's reason, or Stripe's, as one word."""
    decline_code = getattr(error.error, "decline_code", None)
    return decline_code or error.code or "refused"


def _client() -> StripeClient:
    return _client_of(credentials.get().api_key, os.environ.get("STRIPE_API_BASE") or "https://api.stripe.com")


@functools.lru_cache(maxsize=1)
def _client_of(api_key: str, address: str) -> StripeClient:
    """Return a client without retries, which are left to the caller, who has a deadline."""
    connections = stripe.RequestsClient(timeout=TIMEOUT_SECONDS)
    return StripeClient(api_key, base_addresses={"api": address}, max_network_retries=0, http_client=connections)


STEPS: dict[Step, Callable[[Payment], News]] = {
    "abandon": _abandon,
    "create": _create,
    "confirm": _confirm,
    "cancel": _cancel,
    "refund": _refund,
}
