"""What the orders domain can be told to do."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from msgspec import Meta, Struct

type Time = Annotated[datetime, Meta(tz=True)]


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


class ExportEvents(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Write the orders' events as they were published to a file, from which they can be replayed.

    *since*: only events of this time or later, e.g. 2026-11-27T08:00:00Z.
    *until*: only events before this time; the time of the export if not given.
    *key*: only the events of this order.
    """

    since: Time | None = None
    until: Time | None = None
    key: UUID | None = None
