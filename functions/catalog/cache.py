"""Products in Redis, by id: most are read far more often than they are changed."""

from collections.abc import Iterable
from uuid import UUID

from catalog import store
from catalog.database import transaction
from catalog.model import Product
from kernel.storage.cache import Cache

# How long a stale version may be read if Redis was unreachable when the product was changed.
SECONDS = 60

products = Cache("catalog", Product, SECONDS)


def forget(product_ids: Iterable[UUID]) -> None:
    """Invalidate products that the current transaction changes. Call it within `kernel.storage.cache.postponed`."""
    for product_id in product_ids:
        products.block(product_id)
        products.invalidate(product_id)


def get(product_id: UUID) -> Product | None:
    """Return the product from Redis, or else from Postgres; None if it does not exist."""

    def load() -> Product | None:
        with transaction() as connection:
            return store.get(connection, product_id)

    return products.get_or_load(product_id, load)
