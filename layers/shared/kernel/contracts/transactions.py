"""Transactions of users' accounts."""

from datetime import datetime
from typing import Annotated, ClassVar
from uuid import UUID

from msgspec import Meta

from kernel.contracts.event import Event


class TransactionCreated(Event, frozen=True, kw_only=True, tag_field="type", tag="transaction_created"):
    """A user requested a booking on their account.

    *amount_cents*: in minor units of the currency. Negative: out of the account.
    """

    topic: ClassVar[str] = "transaction-events"
    # By user, so that a ledger receives one user's transactions in sequence.
    key: ClassVar[str] = "user_id"
    source: ClassVar[str] = "/users"

    transaction_id: UUID
    user_id: UUID
    amount_cents: int
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")]
    description: str
    created_at: datetime
