"""Stripe's test cards: which of them are declined, and with which error.

localstripe declines three of them, and most of the others only when they are attached to a customer.
Stripe: "Test card numbers", "Error codes", "Decline codes".
"""

from typing import Any

from localstripe.resources import Charge, PaymentMethod

DECLINED = "Your card was declined."
# number: (message, code, decline code)
DECLINES = {
    "4000000000000002": (DECLINED, "card_declined", "generic_decline"),
    "4000000000000341": (DECLINED, "card_declined", "generic_decline"),
    "4000008400001629": (DECLINED, "card_declined", "generic_decline"),
    "4000000000009995": ("Your card has insufficient funds.", "card_declined", "insufficient_funds"),
    "4000008260003178": ("Your card has insufficient funds.", "card_declined", "insufficient_funds"),
    "4000000000009987": (DECLINED, "card_declined", "lost_card"),
    "4000000000009979": (DECLINED, "card_declined", "stolen_card"),
    "4000000000000069": ("Your card has expired.", "expired_card", None),
    "4000000000000127": ("Your card's security code is incorrect.", "incorrect_cvc", None),
    "4000000000000119": ("An error occurred while processing your card.", "processing_error", None),
}
# Cards that Stripe knows by name, besides localstripe's three.
NAMED = {
    "pm_card_mastercard": "5555555555554444",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}


def install() -> None:
    known = PaymentMethod._try_get_canonical_test_article  # noqa: SLF001 - this module extends localstripe's class

    def find_by_name(name: str) -> Any:  # noqa: ANN401 - a PaymentMethod, or None
        if number := NAMED.get(name):
            card = {"number": number, "exp_month": "12", "exp_year": "2030", "cvc": "123"}
            return PaymentMethod(type="card", card=card)
        return known(name)

    PaymentMethod._try_get_canonical_test_article = staticmethod(find_by_name)  # noqa: SLF001
    PaymentMethod._charging_is_declined = lambda method: decline(method) is not None  # noqa: SLF001
    Charge._set_auth_failure = _fail  # noqa: SLF001


def decline(method: Any) -> tuple[str, str, str | None] | None:  # noqa: ANN401 - a PaymentMethod, Card or Source
    """Return the message, code and decline code with which a card is declined, or None if it is accepted."""
    return DECLINES.get(getattr(method, "_card_number", ""))


def _fail(charge: Any) -> None:  # noqa: ANN401 - a Charge
    reason = decline(PaymentMethod._api_retrieve(charge.payment_method))  # noqa: SLF001
    charge.status = "failed"
    charge.failure_message, charge.failure_code, decline_code = reason or (DECLINED, "card_declined", "generic_decline")
    charge.outcome = {"type": "issuer_declined", "reason": decline_code, "network_status": "declined_by_network"}
