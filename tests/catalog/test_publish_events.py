"""The relay of the catalog; what it does when it or a server dies is proven of the kernel's."""

from catalog import publish_events
from tests.catalog.indexing import TABLE
from tests.kit import relays
from tests.kit.databases import Database
from tests.kit.documents import Person

TOLD = ["product-created", "product-updated", "product-deleted"]


def test_the_story_of_each_product_arrives_in_order(catalog: Database, seller: Person, kafka: str) -> None:
    """Under the product's id as key, each event once, and the outbox is empty then."""
    products = [seller.create(TABLE).body["id"] for _ in range(10)]
    for product in products:
        seller.update(product, {**TABLE, "stock": 1})
    for product in products:
        seller.delete(product)
    with relays.relaying(catalog, kafka, "product-events"):
        assert relays.run(publish_events) == {"published": 30, "parked": 0, "failures": 0}
        assert relays.run(publish_events)["published"] == 0
    told = relays.received(kafka, "product-events")
    assert {key: [kind for _, kind in told[key]] for key in products} == dict.fromkeys(products, TOLD)
