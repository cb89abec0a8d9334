"""Refunds as Stripe makes them: never more than was captured, with a reason, announced by events; some fail later.

Stripe: "Refunds" (API Reference), "Failed refunds", "Testing" (refunds).
"""

import asyncio
from typing import Any

from localstripe import resources
from localstripe.resources import Charge, Event, PaymentIntent, PaymentMethod, Refund, store

from local_stripe import amounts, errors

# How long a bank takes. With Stripe, it takes minutes in test mode.
SECONDS_UNTIL_THE_BANK_ANSWERS = 0.5
# The test cards: the first status of a refund, and the last one.
FAILING, PENDING = "4000000000005126", "4000000000007726"
AT_FIRST = {PENDING: "pending"}
LATER = {FAILING: "failed", PENDING: "succeeded"}

# ruff: noqa: SLF001 - this module extends localstripe's class
# ruff: noqa: ANN401 - localstripe is not typed


def install() -> None:
    Refund._api_create = create
    Refund.reason = Refund.failure_reason = None


def resume() -> None:
    """Wait for the banks that an earlier process was waiting for."""
    for name, refund in store.items():
        if name.startswith("refund:"):
            _wait_for_the_bank(refund)


def create(
    charge: str | None = None,
    payment_intent: str | None = None,
    amount: Any = None,
    reason: str | None = None,
    **parameters: Any,
) -> Any:
    errors.refuse_unknown(parameters, ("metadata",))
    charged = _charge(charge, payment_intent)
    left = charged.amount_captured - charged.amount_refunded
    wanted = left if amount is None else amounts.integer("amount", amount)
    if charged.disputed:
        raise errors.invalid_request(f"Charge {charged.id} has been charged back.", code="charge_disputed")
    if left == 0:
        raise errors.invalid_request(f"Charge {charged.id} has already been refunded.", code="charge_already_refunded")
    if wanted > left:
        raise errors.invalid_request(f"Refund amount ({wanted}) is greater than what is left of the charge ({left}).")
    refund = Refund(charge=charged.id, amount=wanted, **parameters)
    refund.payment_intent, refund.reason = charged.payment_intent, reason
    refund.status = AT_FIRST.get(_card(refund), "succeeded")
    for name, what in (("refund.created", refund), ("charge.refunded", charged)):
        resources.schedule_webhook(Event(name, what))
    _wait_for_the_bank(refund)
    return refund


def _wait_for_the_bank(refund: Any) -> None:
    if refund.status in ("succeeded", "pending") and LATER.get(_card(refund), refund.status) != refund.status:
        asyncio.get_running_loop().call_later(SECONDS_UNTIL_THE_BANK_ANSWERS, _answer, refund.id)


def _answer(name: str) -> None:
    """Set the last status of a refund, and send its events. The state is saved when they have been delivered."""
    refund = store.get(f"refund:{name}")
    if refund is None:
        return
    refund.status = LATER[_card(refund)]
    if refund.status == "failed":
        refund.failure_reason = "expired_or_canceled_card"
        resources.schedule_webhook(Event("refund.failed", refund))
    for kind in ("refund.updated", "charge.refund.updated"):
        resources.schedule_webhook(Event(kind, refund))


def _card(refund: Any) -> str:
    method = PaymentMethod._api_retrieve(Charge._api_retrieve(refund.charge).payment_method)
    return str(getattr(method, "_card_number", ""))


def _charge(charge: str | None, payment_intent: str | None) -> Any:
    if charge is None and payment_intent is None:
        raise errors.invalid_request("One of the following params should be provided: payment_intent or charge.")
    if payment_intent is None:
        found = Charge._api_retrieve(charge or "")
    else:
        found = PaymentIntent._api_retrieve(payment_intent).latest_charge
    if found is None or found.status != "succeeded" or not found.captured:
        named = payment_intent or charge
        raise errors.invalid_request(f"{named} has no successful charge to refund.", code="charge_not_refundable")
    return found
