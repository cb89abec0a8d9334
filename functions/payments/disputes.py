"""Disputes: customers who contest a charge at their bank.

    inquiry ─► needs response ─► under review ─► closed

A dispute only moves to the right. If it ends more than once, the latest event of Stripe counts.

Stripe: "The Dispute object", "How disputes work".
"""

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

OPEN = ("warning_needs_response", "warning_under_review", "needs_response", "under_review")
ENDS = frozenset({"won", "lost", "warning_closed", "prevented"})


class Dispute(Struct, frozen=True):
    """*status*, *reason*: Stripe's words. *told_at*: the time of Stripe's event, in seconds since 1970.

    *withdrawn*, *reinstated*: whether the money has left our account, and whether it came back.
    """

    id: str
    amount: int
    currency: str
    status: str
    told_at: int
    is_closed: bool
    reason: str | None = None
    withdrawn: bool = False
    reinstated: bool = False

    @property
    def forbids_refunds(self) -> bool:
        """Whether Stripe refuses refunds: the bank is deciding, or has given the money back itself."""
        return self.status == "lost" if self.is_closed else not self.status.startswith("warning_")


def merge(known: Iterable[Dispute], found: Iterable[Dispute]) -> tuple[Dispute, ...]:
    """Return all disputes, each in its latest state."""
    latest: dict[str, Dispute] = {}
    for each in (*known, *found):
        other = latest.get(each.id, each)
        withdrawn, reinstated = each.withdrawn or other.withdrawn, each.reinstated or other.reinstated
        latest[each.id] = replace(max(other, each, key=_place), withdrawn=withdrawn, reinstated=reinstated)
    return tuple(latest[name] for name in sorted(latest))


def _place(dispute: Dispute) -> tuple[bool, int, int, str]:
    step = 0 if dispute.is_closed or dispute.status not in OPEN else OPEN.index(dispute.status)
    return dispute.is_closed, step, dispute.told_at, dispute.status
