"""What the transactions API gives."""

from uuid import UUID

from msgspec import Struct


class CurrencyBalance(Struct, frozen=True, rename="camel"):
    """*transactions*: how many the balance adds up."""

    currency: str
    balance_cents: int
    transactions: int


class Balance(Struct, frozen=True, rename="camel"):
    """One balance for each currency in which there was a transaction."""

    user_id: UUID
    balances: list[CurrencyBalance]
