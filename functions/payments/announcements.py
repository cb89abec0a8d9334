"""The events to publish after a change of a payment.

Refunds and disputes may become known before the payment is completed. They are published only afterwards.
"""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from kernel.contracts.payments import (
    LaterPaymentEvent,
    PaymentCompleted,
    PaymentDisputeClosed,
    PaymentDisputed,
    PaymentEvent,
    PaymentFailed,
    PaymentPartiallyRefunded,
    PaymentRefunded,
    PaymentRefundFailed,
)
from payments.model import Payment


def announce(before: Payment | None, after: Payment) -> tuple[Payment, list[PaymentEvent]]:
    """Return *after* with its published events counted, and the events to publish. *before*: None for a new payment."""
    outcome = _outcome(before, after)
    known = before if before and before.was_taken else None
    later = [*_refunds(known, after), *_disputes(known, after)] if after.was_taken else []
    numbered = [replace(event, version=number) for number, event in enumerate(later, after.version + 1)]
    return replace(after, version=after.version + len(later)), [*outcome, *numbered]


def _outcome(before: Payment | None, after: Payment) -> list[PaymentEvent]:
    event: PaymentEvent
    if after.has_failed and not (before and before.has_failed):
        event = PaymentFailed(order_id=after.order_id, amount=after.amount, reason=after.reason)
    elif after.is_completed and not (before and before.is_completed):
        event = PaymentCompleted(order_id=after.order_id, amount=after.amount)
    else:
        return []
    return [replace(event, customer_id=after.customer_id)]


def _refunds(before: Payment | None, after: Payment) -> Iterator[LaterPaymentEvent]:
    known = {each.id for each in before.refunds if each.has_failed} if before else set()
    for each in after.refunds:
        if each.has_failed and each.id not in known:
            yield PaymentRefundFailed(
                **_of(after),
                refund_id=each.id,
                refund_amount=each.amount,
                amount_refunded=after.amount_refunded,
                reason=each.reason,
            )
    if after.mismatched or after.amount_refunded <= (before.amount_refunded if before else 0):
        return
    if after.money == "returned":
        yield PaymentRefunded(**_of(after))
    else:
        yield PaymentPartiallyRefunded(**_of(after), amount_refunded=after.amount_refunded)


def _disputes(before: Payment | None, after: Payment) -> Iterator[LaterPaymentEvent]:
    known = {each.id: each for each in before.disputes} if before else {}
    for each in after.disputes:
        facts = {
            **_of(after),
            "currency": each.currency,
            "dispute_id": each.id,
            "disputed_amount": each.amount,
            "reason": each.reason,
        }
        earlier = known.get(each.id)
        if earlier is None:
            yield PaymentDisputed(**facts, status=each.status)
        if each.is_closed and not (earlier and earlier.is_closed and earlier.status == each.status):
            yield PaymentDisputeClosed(**facts, status=each.status)


def _of(payment: Payment) -> dict[str, Any]:
    names = ("order_id", "amount", "customer_id", "currency")
    return {name: getattr(payment, name) for name in names}
