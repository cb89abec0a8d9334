"""Refunds as Stripe makes them: never more than was charged, with a reason, told by events.

Stripe: "Refunds" (API Reference).
"""

from typing import Any

from localstripe import resources
from localstripe.resources import Charge, Event, PaymentIntent, Refund, try_convert_to_int

from millrace_local.stripe_api import errors

# ruff: noqa: SLF001 - this module extends localstripe's class
# ruff: noqa: ANN401 - localstripe is not typed


def install() -> None:
    Refund._api_create = create
    Refund.reason = None


def create(
    charge: str | None = None,
    payment_intent: str | None = None,
    amount: Any = None,
    reason: str | None = None,
    **parameters: Any,
) -> Any:
    charged = _charge(charge, payment_intent)
    left = charged.amount - charged.amount_refunded
    wanted = left if amount is None else try_convert_to_int(amount)
    if left == 0:
        raise errors.refused(f"Charge {charged.id} has already been refunded.", code="charge_already_refunded")
    if wanted > left:
        raise errors.refused(f"Refund amount ({wanted}) is greater than what is left of the charge ({left}).")
    refund = Refund(charge=charged.id, amount=wanted, **parameters)
    refund.payment_intent, refund.reason = charged.payment_intent, reason
    resources.schedule_webhook(Event("refund.created", refund))
    resources.schedule_webhook(Event("charge.refunded", charged))
    return refund


def _charge(charge: str | None, payment_intent: str | None) -> Any:
    if payment_intent is None:
        found = Charge._api_retrieve(charge or "")
    else:
        found = PaymentIntent._api_retrieve(payment_intent).latest_charge
    if found is None or found.status != "succeeded" or not found.captured:
        named = payment_intent or charge
        raise errors.refused(f"{named} has no successful charge to refund.", code="charge_not_refundable")
    return found
