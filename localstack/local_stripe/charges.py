"""Charges as Stripe has them: captured in whole or in part, refunded by the refunds that did not fail, disputed.

localstripe captures the whole and refunds the rest. Stripe: "Place a hold on a payment method", "Charges".
"""

from typing import Any

from localstripe.resources import BalanceTransaction, Charge, Refund

from local_stripe import amounts, errors

FAILED = ("failed", "canceled")

# ruff: noqa: SLF001 - this module extends localstripe's class
# ruff: noqa: ANN401 - localstripe is not typed


def install() -> None:
    Charge.disputed = False
    Charge._captured_amount = None
    Charge._api_capture = _capture
    for kind in (Charge, Refund):
        kind._api_update = classmethod(_update)
    Charge.amount_captured = property(_amount_captured)
    Charge.amount_refunded = property(
        lambda charge: sum(each.amount for each in charge.refunds._list if each.status not in FAILED)
    )
    Charge.refunded = property(lambda charge: 0 < charge.amount_captured <= charge.amount_refunded)


def capture(charge: Any, parameter: str, wanted: Any) -> None:
    """Capture a part of a charge, or all of it if *wanted* is None.

    *parameter*: the name of the request's parameter, for errors.
    """
    amount = charge.amount if wanted is None else amounts.integer(parameter, wanted)
    if amount > charge.amount:
        message = f"The amount to capture ({amount}) is greater than what was authorized ({charge.amount})."
        raise errors.invalid_request(message, code="amount_too_large", param=parameter)
    facts = {"amount": amount, "currency": charge.currency, "source": charge.id, "exchange_rate": 1.0}
    transaction = BalanceTransaction(**facts, reporting_category="charge", type="charge")
    charge.captured, charge._captured_amount, charge.balance_transaction = True, amount, transaction.id


def _capture(id: str, amount: Any = None, **parameters: Any) -> Any:  # noqa: A002 - the API's name
    errors.refuse_unknown(parameters)
    charge = Charge._api_retrieve(id)
    if charge.captured:
        raise errors.invalid_request(f"Charge {id} has already been captured.", code="charge_already_captured")
    capture(charge, "amount", amount)
    return charge


def _update(cls: Any, /, id: str, **parameters: Any) -> Any:  # noqa: A002 - the API's name
    """Change the description of a charge or refund; its amount never changes."""
    errors.refuse_unknown(parameters, ("description", "metadata", "receipt_email") if cls is Charge else ("metadata",))
    found = cls._api_retrieve(id)
    found.metadata = {**found.metadata, **parameters.pop("metadata", {})}
    vars(found).update(parameters)
    return found


def _amount_captured(charge: Any) -> int:
    if not charge.captured or charge.status != "succeeded":
        return 0
    return int(charge.amount if charge._captured_amount is None else charge._captured_amount)
