"""What the transactions API gives."""

from datetime import datetime
from uuid import UUID

from msgspec import Struct


class TransactionView(Struct, frozen=True, rename="camel"):
    """*amount_cents*: in the currency's minor unit; positive = in, negative = out."""

    id: UUID
    user_id: UUID
    amount_cents: int
    currency: str
    description: str
    created_at: datetime


class CurrencyBalance(Struct, frozen=True, rename="camel"):
    """*transactions*: how many the balance adds up."""

    currency: str
    balance_cents: int
    transactions: int


class Balance(Struct, frozen=True, rename="camel"):
    """One balance for each currency in which there was a transaction."""

    user_id: UUID
    balances: list[CurrencyBalance]
