"""What was given back of a payment: its refunds, and what its charge says that they add up to.

    pending ─► succeeded ─► failed      a refund

A refund only moves to the right: a bank may send back what it was given. What a charge says is true of the moment when
it was said, and failures that are known are taken off it. So the total does not depend on the order of arrival.

Stripe: "Refunds" and "Failed refunds".
"""

from collections.abc import Iterable
from typing import Literal, get_args

from msgspec import Struct

Outcome = Literal["pending", "succeeded", "failed"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class Refund(Struct, frozen=True):
    """*reason*: why it failed, as one word of Stripe's."""

    id: str
    amount: int
    outcome: Outcome
    reason: str | None = None

    @property
    def has_failed(self) -> bool:
        return self.outcome == "failed"


def of_status(name: str, amount: int, status: str | None, reason: str | None) -> Refund:
    """Return the refund that Stripe tells of by these words."""
    match status:
        case "succeeded":
            return Refund(name, amount, "succeeded")
        case "failed" | "canceled":
            return Refund(name, amount, "failed", reason or status)
    return Refund(name, amount, "pending")


def merge(known: Iterable[Refund], found: Iterable[Refund]) -> tuple[Refund, ...]:
    """Return all refunds, each as far as it got."""
    latest: dict[str, Refund] = {}
    for each in (*known, *found):
        latest[each.id] = max(latest.get(each.id, each), each, key=_place)
    return tuple(latest[name] for name in sorted(latest))


def total(refunds: Iterable[Refund], at_least: int) -> int:
    """Return what is given back by *refunds* of a charge that once said *at_least*.

    A refund that the bank still works on counts.
    """
    amounts = {True: 0, False: 0}
    for each in refunds:
        amounts[each.has_failed] += each.amount
    return max(amounts[False], at_least - amounts[True])


def _place(refund: Refund) -> tuple[int, str, int]:
    return OUTCOMES.index(refund.outcome), refund.reason or "", refund.amount
