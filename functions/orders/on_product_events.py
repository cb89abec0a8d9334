"""product-events: store the products with their prices, for new orders."""

from kernel.contracts.catalog import ProductCreated, ProductDeleted, ProductEvent, ProductUpdated
from kernel.messaging import consumer
from kernel.storage.database import Connection
from orders import products


@consumer.batch(ProductCreated, ProductUpdated, ProductDeleted, idempotent_without_inbox=True, projection=("products",))
def handler(connection: Connection, events: list[ProductEvent]) -> None:
    products.keep(connection, events)
