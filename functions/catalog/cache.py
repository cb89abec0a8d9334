"""Products in Redis, by id: most are read far more often than they are changed."""

from collections.abc import Iterable
from uuid import UUID

from catalog import store
from catalog.database import transaction
from catalog.model import Product
from kernel.storage.cache import Cache

# So old may a version be that is read, should Redis be out of reach when it is replaced.
SECONDS = 60

products = Cache("catalog", Product, SECONDS)


def forget(product_ids: Iterable[UUID]) -> None:
    """Forget products that the current transaction changes; within `kernel.storage.cache.postponed`, around it."""
    for product_id in product_ids:
        products.block(product_id)
        products.invalidate(product_id)


def get(product_id: UUID) -> Product | None:
    """The product, from Redis or else from Postgres."""

    def load() -> Product | None:
        with transaction() as connection:
            return store.get(connection, product_id)

    return products.get_or_load(product_id, load)
