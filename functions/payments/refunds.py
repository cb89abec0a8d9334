"""The refunds of a payment, and the total that its charge states.

    pending ─► succeeded ─► failed      a refund

A refund only moves to the right: a bank may return it after it succeeded. The total of a charge is true at the time of
the event, and known failures are subtracted from it. So the result does not depend on the sequence of arrival.

Stripe: "Refunds" and "Failed refunds".
"""

from collections.abc import Iterable
from typing import Literal, get_args

from msgspec import Struct

Outcome = Literal["pending", "succeeded", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class Refund(Struct, frozen=True):
    """*reason*: why it failed, in Stripe's word."""

    id: str
    amount: int
    outcome: Outcome
    reason: str | None = None

    @property
    def has_failed(self) -> bool:
        return self.outcome == "failed"


def of_status(name: str, amount: int, status: str | None, reason: str | None) -> Refund:
    """Return the refund with Stripe's *status*."""
    match status:
        case "succeeded":
            return Refund(name, amount, "succeeded")
        case "failed" | "canceled":
            return Refund(name, amount, "failed", reason or status)
    return Refund(name, amount, "pending")


def merge(known: Iterable[Refund], found: Iterable[Refund]) -> tuple[Refund, ...]:
    """Return all refunds, each in its latest state."""
    latest: dict[str, Refund] = {}
    for each in (*known, *found):
        latest[each.id] = max(latest.get(each.id, each), each, key=_place)
    return tuple(latest[name] for name in sorted(latest))


def total(refunds: Iterable[Refund], at_least: int) -> int:
    """Return the total that is given back. Pending refunds count.

    *at_least*: the highest total that the charge has stated.
    """
    amounts = {True: 0, False: 0}
    for each in refunds:
        amounts[each.has_failed] += each.amount
    return max(amounts[False], at_least - amounts[True])


def _place(refund: Refund) -> tuple[int, str, int]:
    return OUTCOMES.index(refund.outcome), refund.reason or "", refund.amount
