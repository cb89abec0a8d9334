"""The rules of the ledger: what is booked, and what is shown to whom."""

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from kernel.contracts.transactions import TransactionCreated
from kernel.errors import NotFoundError


class TransactionView(Struct, frozen=True, rename="camel"):
    """A booked transaction. *amount_cents*: in the currency's minor unit; positive = in, negative = out."""

    id: UUID
    user_id: UUID
    amount_cents: int
    currency: str
    description: str
    created_at: datetime

    def position(self) -> tuple[object, ...]:
        """Return its place in the list, where the next page begins."""
        return (self.created_at, self.id)


def require(transaction: TransactionView | None) -> TransactionView:
    """Return *transaction*. Raises NotFoundError if it is None, for a transaction of somebody else too."""
    if transaction is None:
        raise NotFoundError("You have no such transaction.")
    return transaction


def redact(events: Iterable[TransactionCreated], forgotten: Collection[str]) -> list[TransactionCreated]:
    """Return the events, without their description if it is about one of the *forgotten* (ids in lower case).

    The amounts are booked all the same, because a balance is the sum of its entries.
    """
    return [replace(each, description="") if str(each.user_id) in forgotten else each for each in events]
