"""product-events: update the search index."""

from catalog import index, model, store
from kernel.contracts.catalog import ProductCreated, ProductDeleted, ProductEvent, ProductState, ProductUpdated
from kernel.messaging import consumer
from kernel.storage.database import Connection


@consumer.batch(ProductCreated, ProductUpdated, ProductDeleted, idempotent_without_inbox=True)
def handler(connection: Connection, events: list[ProductEvent]) -> None:
    changes = model.latest(events)
    # A late event may be about a deleted product whose tombstone a rebuild of the index has removed.
    present = store.present(connection, [event.product_id for event in changes])
    news = [event for event in changes if event.product_id in present or not isinstance(event, ProductState)]
    index.write([index.of_event(event) for event in news], index.targets())
