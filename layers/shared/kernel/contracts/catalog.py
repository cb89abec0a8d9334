"""Products, as they are after each change."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from kernel.contracts.event import Event


class ProductEvent(Event, frozen=True, kw_only=True, tag_field="type"):
    """The base of the product events. *version*: counts the product's changes from 1, including its deletion."""

    topic: ClassVar[str] = "product-events"
    key: ClassVar[str] = "product_id"
    source: ClassVar[str] = "/catalog"

    product_id: UUID
    version: int


class ProductState(ProductEvent, frozen=True, kw_only=True):
    """The whole product after the change. *price_cents*: in minor units of *currency* (ISO 4217)."""

    name: str
    description: str
    category: str
    price_cents: int
    currency: str
    stock: int
    created_at: datetime
    updated_at: datetime


class ProductCreated(ProductState, frozen=True, kw_only=True, tag="product-created"):
    """A product was created."""


class ProductUpdated(ProductState, frozen=True, kw_only=True, tag="product-updated"):
    """Fields of the product were changed, for example its price or its stock."""


class ProductDeleted(ProductEvent, frozen=True, kw_only=True, tag="product-deleted"):
    """The product was deleted."""
