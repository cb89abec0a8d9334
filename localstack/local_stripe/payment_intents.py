"""PaymentIntents as Stripe has them: more parameters, retries after a decline, errors with codes, search.

Stripe: "Payment Intents" and "Search" (API Reference), "How PaymentIntents work".
"""

import re
import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from localstripe import resources
from localstripe.errors import UserError
from localstripe.resources import Event, List, PaymentIntent, PaymentMethod, store, try_convert_to_bool

from local_stripe import amounts, charges, errors

# Stored and returned, without any other effect.
DESCRIPTIVE = (
    "automatic_payment_methods",
    "description",
    "receipt_email",
    "setup_future_usage",
    "shipping",
    "statement_descriptor",
    "statement_descriptor_suffix",
    "transfer_group",
)
# How to confirm. Nothing of it is stored.
CONFIRMATION = (
    "client_secret",
    "confirmation_method",
    "error_on_requires_action",
    "mandate_data",
    "off_session",
    "payment_method_options",
    "payment_method_types",
    "return_url",
    "use_stripe_sdk",
)
OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
SEARCH_CLAUSE = re.compile(r"""(?:metadata\[['"](\w+)['"]\]|(status|currency|customer)):['"]([^'"]*)['"]""")

# ruff: noqa: SLF001 - this module extends localstripe's class
# ruff: noqa: ANN401 - localstripe is not typed


def install() -> None:
    export = PaymentIntent._export

    def export_with_charge_id(intent: Any, expand: list[str] | None = None) -> dict[str, Any]:
        exported: dict[str, Any] = export(intent, expand)
        expanded = any(path.split(".")[0] == "latest_charge" for path in expand or [])
        if intent.latest_charge is not None and not expanded:
            exported["latest_charge"] = intent.latest_charge.id
        return exported

    del PaymentIntent.charges  # Stripe has replaced it with latest_charge
    PaymentIntent._export = export_with_charge_id
    PaymentIntent._api_create = create
    PaymentIntent._api_list_all = find
    PaymentIntent._report_failure = PaymentIntent._report_async_failure = _decline
    PaymentIntent.last_payment_error = property(lambda intent: getattr(intent, "_last_error", None))
    PaymentIntent._api_update = update
    PaymentIntent.amount_received = property(_amount_received)
    PaymentIntent.amount_capturable = property(
        lambda intent: intent.amount if intent.status == "requires_capture" else 0
    )
    PaymentIntent.payment_method_types = property(lambda _: ["card"])
    for name in (*DESCRIPTIVE, "canceled_at", "cancellation_reason"):
        setattr(PaymentIntent, name, None)


def create(
    confirm: Any = None, payment_method: str | None = None, capture_method: str | None = None, **parameters: Any
) -> Any:
    descriptive = {name: parameters.pop(name) for name in DESCRIPTIVE if name in parameters}
    for name in CONFIRMATION:
        parameters.pop(name, None)
    errors.refuse_unknown(parameters, ("amount", "currency", "customer", "metadata"))
    parameters["amount"], parameters["currency"] = amounts.check(parameters.get("amount"), parameters.get("currency"))
    confirmed = try_convert_to_bool(confirm)
    if confirmed and not payment_method:
        raise errors.invalid_request("A PaymentIntent is confirmed with a payment method.", code="parameter_missing")
    method = _payment_method(payment_method)
    intent = PaymentIntent(payment_method=method, capture_method=capture_method, **parameters)
    vars(intent).update(descriptive)
    if confirmed:
        intent._confirm(on_failure_now=intent._report_failure)
    return intent


def update(id: str, **parameters: Any) -> Any:  # noqa: A002 - the API's name
    """Change an intent that is not confirmed yet. Descriptive parameters can be changed later too."""
    errors.refuse_unknown(parameters, (*DESCRIPTIVE, "amount", "currency", "metadata", "payment_method"))
    intent = PaymentIntent._api_retrieve(id)
    changes = {name: parameters.pop(name) for name in ("amount", "currency", "payment_method") if name in parameters}
    if changes and intent.status not in OPEN:
        raise _unexpected_state(intent, "update")
    if changes.keys() & {"amount", "currency"}:
        wanted = {"amount": intent.amount, "currency": intent.currency} | changes
        changes["amount"], changes["currency"] = amounts.check(wanted["amount"], wanted["currency"])
    if "payment_method" in changes:
        changes["payment_method"] = _payment_method(changes["payment_method"])
    intent.metadata = {**intent.metadata, **parameters.pop("metadata", {})}
    vars(intent).update(changes, **parameters)
    return intent


def capture(id: str, amount_to_capture: Any = None, **parameters: Any) -> Any:  # noqa: A002 - the API's name
    """Capture what was authorized, or a part of it. The rest is released."""
    errors.refuse_unknown(parameters)
    intent = PaymentIntent._api_retrieve(id)
    if intent.status != "requires_capture":
        raise _unexpected_state(intent, "capture")
    charges.capture(intent.latest_charge, "amount_to_capture", amount_to_capture)
    intent._on_success()
    return intent


def confirm(id: str, payment_method: str | None = None, **parameters: Any) -> Any:  # noqa: A002 - the API's name
    errors.refuse_unknown(parameters, CONFIRMATION)
    intent = PaymentIntent._api_retrieve(id)
    if intent.status not in OPEN:
        raise _unexpected_state(intent, "confirm")
    if payment_method:
        intent.payment_method, intent.latest_charge = _payment_method(payment_method), None
        intent.next_action = None
    if intent.status != "requires_confirmation":
        raise _unexpected_state(intent, "confirm")
    intent._last_error = None
    intent._confirm(on_failure_now=intent._report_failure)
    return intent


def cancel(id: str, cancellation_reason: str | None = None, **parameters: Any) -> Any:  # noqa: A002 - the API's name
    errors.refuse_unknown(parameters)
    intent = PaymentIntent._api_retrieve(id)
    if intent.status not in (*OPEN, "requires_capture"):
        raise _unexpected_state(intent, "cancel")
    intent._canceled, intent.next_action = True, None
    intent.canceled_at, intent.cancellation_reason = int(time.time()), cancellation_reason
    resources.schedule_webhook(Event("payment_intent.canceled", intent))
    return intent


def find(
    url: str,
    customer: str | None = None,
    created: Mapping[str, str] | None = None,
    limit: str | None = None,
    starting_after: str | None = None,
) -> Any:
    """List intents, the newest first as in all of Stripe's lists."""
    bounds = created or {}
    since, until = int(bounds.get("gte", 0)), int(bounds.get("lte", 1 << 40))
    found = List(url, limit=limit, starting_after=starting_after)
    found._list = [
        intent for intent in _newest_first() if since <= intent.created <= until and customer in (None, intent.customer)
    ]
    return found


def search(query: str = "", limit: str | None = None, **parameters: Any) -> Any:
    """Find the intents that match all clauses of *query*. Stripe's own search finds a new intent only after a while."""
    errors.refuse_unknown(parameters)
    clauses = SEARCH_CLAUSE.findall(query)
    if not clauses or " OR " in query:
        raise errors.invalid_request(f"The search query {query!r} is not understood.", param="query")
    found = List("/v1/payment_intents/search", limit=limit)
    found.object, found.next_page = "search_result", None
    found._list = [
        intent
        for intent in _newest_first()
        if all((intent.metadata.get(key) if key else getattr(intent, name)) == value for key, name, value in clauses)
    ]
    return found


def _amount_received(intent: Any) -> int:
    """Return the captured amount: less than the intent's if only a part was captured."""
    return int(intent.latest_charge.amount_captured) if intent.status == "succeeded" else 0


def _newest_first() -> list[Any]:
    return [item for key, item in reversed(store.items()) if key.startswith("payment_intent:")]


def _payment_method(name: str | None) -> str | None:
    """Return the id of a payment method, or create one for the name of a test card. Returns None without a name."""
    if not name:
        return None
    try:
        return str(PaymentMethod._api_retrieve(name).id)
    except UserError as error:
        kind, parameter = "PaymentMethod", "payment_method"
        raise errors.resource_missing(kind, name, parameter=parameter, status=HTTPStatus.BAD_REQUEST) from error


def _decline(intent: Any) -> None:
    """Record a failed charge, wait for another payment method, and raise the card's error."""
    charge = intent.latest_charge
    details = {"code": charge.failure_code, "decline_code": charge.outcome["reason"], "charge": charge.id}
    details["payment_method"] = PaymentMethod._api_retrieve(intent.payment_method)._export()
    intent.payment_method = None
    intent._last_error = {"type": "card_error", "message": charge.failure_message, **details}
    resources.schedule_webhook(Event("payment_intent.payment_failed", intent))
    raise errors.card_error(charge.failure_message, **details, payment_intent=intent._export())


def _unexpected_state(intent: Any, action: str) -> errors.StripeError:
    message = f"You cannot {action} this PaymentIntent because it has a status of {intent.status}."
    return errors.invalid_request(message, code="payment_intent_unexpected_state", payment_intent=intent._export())
