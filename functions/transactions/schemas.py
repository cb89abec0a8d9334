"""The shapes of the transactions API's responses."""

from uuid import UUID

from msgspec import Struct


class CurrencyBalance(Struct, frozen=True, rename="camel"):
    """*transactions*: the number of entries of the balance."""

    currency: str
    balance_cents: int
    transactions: int


class Balance(Struct, frozen=True, rename="camel"):
    """One balance for each currency of the user's transactions."""

    user_id: UUID
    balances: list[CurrencyBalance]
