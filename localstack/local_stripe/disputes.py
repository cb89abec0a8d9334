"""Disputes, which localstripe does not have: opened by test cards, and decided by the submitted evidence.

Stripe: "Testing" (disputes), "The Dispute object", "Types of events".
"""

from typing import Any

from aiohttp import web
from localstripe import resources, server
from localstripe.resources import Charge, Event, PaymentIntent, PaymentMethod, StripeObject, store

from local_stripe import errors

# The test cards: the customer's reason, and the dispute's first status.
CARDS = {
    "4000000000000259": ("fraudulent", "needs_response"),
    "4000000000002685": ("product_not_received", "needs_response"),
    "4000000000001976": ("fraudulent", "warning_needs_response"),
}
ENDS = {"winning_evidence": "won", "losing_evidence": "lost"}
OPEN = ("needs_response", "under_review", "warning_needs_response", "warning_under_review")

# ruff: noqa: SLF001 - this module extends localstripe's class
# ruff: noqa: ANN401 - localstripe is not typed


class Dispute(StripeObject):  # type: ignore[misc]  # localstripe is not typed
    object = "dispute"
    _id_prefix = "du_"

    def __init__(self, charge: Any, reason: str, status: str) -> None:
        super().__init__()
        self.charge, self.payment_intent = charge.id, charge.payment_intent
        self.amount, self.currency = charge.amount_captured, charge.currency
        self.reason, self.status = reason, status
        self.evidence: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}

    @property
    def is_charge_refundable(self) -> bool:
        """Return whether the dispute is an inquiry, for which the bank has taken no money yet."""
        return self.status.startswith("warning_")


def install() -> None:
    succeed = PaymentIntent._on_success

    def succeed_and_dispute(intent: Any) -> None:
        succeed(intent)
        _open(intent.latest_charge)

    PaymentIntent._on_success = succeed_and_dispute


def add_routes(router: web.UrlDispatcher) -> None:
    one = "/v1/disputes/{id}"
    router.add_get("/v1/disputes", server.api_list_all(Dispute, "/v1/disputes"))
    router.add_get(one, server.api_retrieve(Dispute, "/v1/disputes"))
    router.add_post(one, server.api_extra(update, one))
    router.add_post(f"{one}/close", server.api_extra(close, one))


def update(
    id: str,  # noqa: A002 - the API's name
    evidence: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    submit: Any = True,  # noqa: FBT002 - the API's parameter
    **parameters: Any,
) -> Any:
    """Store the evidence. Unless *submit* is false, submit it to the bank, which decides by its text."""
    errors.refuse_unknown(parameters)
    dispute = _find_open(id)
    dispute.evidence.update(evidence or {})
    dispute.metadata.update(metadata or {})
    if evidence and str(submit).lower() != "false":
        end = ENDS.get(str(dispute.evidence.get("uncategorized_text")))
        if end is not None:
            return _decide(dispute, "warning_closed" if dispute.is_charge_refundable and end == "won" else end)
        dispute.status = "warning_under_review" if dispute.is_charge_refundable else "under_review"
    _send_event("updated", dispute)
    return dispute


def close(id: str, **parameters: Any) -> Any:  # noqa: A002 - the API's name
    """Accept the dispute: the customer wins."""
    errors.refuse_unknown(parameters)
    return _decide(_find_open(id), "lost")


def _open(charge: Any) -> None:
    number = getattr(PaymentMethod._api_retrieve(charge.payment_method), "_card_number", "")
    if number not in CARDS:
        return
    dispute = Dispute(charge, *CARDS[number])
    charge.disputed = not dispute.is_charge_refundable
    _send_event("created", dispute)
    if not dispute.is_charge_refundable:
        _send_event("funds_withdrawn", dispute)


def _decide(dispute: Any, end: str) -> Any:
    was_inquiry, dispute.status = dispute.is_charge_refundable, end
    charge = Charge._api_retrieve(dispute.charge)
    charge.disputed = end == "lost"
    if end == "lost" and was_inquiry:
        _send_event("funds_withdrawn", dispute)
    if end == "won":
        _send_event("funds_reinstated", dispute)
    _send_event("closed", dispute)
    return dispute


def _find_open(name: str) -> Any:
    dispute = store.get(f"dispute:{name}")
    if dispute is None:
        raise errors.resource_missing("dispute", name)
    if dispute.status not in OPEN:
        raise errors.invalid_request(f"The dispute {name} is closed: {dispute.status}.")
    return dispute


def _send_event(what: str, dispute: Any) -> None:
    resources.schedule_webhook(Event(f"charge.dispute.{what}", dispute))
