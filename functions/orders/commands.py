"""What the orders domain can be told to do."""

from uuid import UUID

from msgspec import Struct


class WantedItem(Struct, frozen=True):
    """*price_cents*: of one piece, as the client saw it; None if the client did not say."""

    product_id: UUID
    quantity: int
    price_cents: int | None = None


class PlaceOrder(Struct, frozen=True):
    """Place an order for an *amount* or for *items*. `orders.pricing.check` refuses both and neither.

    *customer_id*: None for a guest.
    *amount*: in minor units of *currency*.
    *currency*: None for the usual one, or for that of the items.
    *payment_method*: Stripe's name of it; None if the client chooses one later.
    """

    customer_id: UUID | None
    amount: int | None = None
    currency: str | None = None
    items: tuple[WantedItem, ...] = ()
    payment_method: str | None = None


class RebuildOrderList(Struct, frozen=True, forbid_unknown_fields=True):
    """Rebuild the list of orders from their events."""
