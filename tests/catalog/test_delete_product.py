"""DELETE /api/v1/products/{id}."""

from tests.catalog.indexing import TABLE
from tests.kit.databases import Database
from tests.kit.documents import Person, events


def test_a_deletion_is_a_version_of_its_own(catalog: Database, seller: Person, visitor: Person) -> None:
    """The product is gone for everybody, and its event has the version after the last."""
    product = seller.create(TABLE).body["id"]
    assert visitor.get(product).status == 200
    assert seller.delete(product).status == 204
    assert visitor.get(product).status == seller.delete(product).status == 404
    told = {"topic": "product-events", "key": product, "type": "product-deleted", "productId": product, "version": 2}
    assert events(catalog)[1:] == [told]


def test_an_old_version_is_not_deleted(catalog: Database, seller: Person) -> None:
    """If-Match with a tag that is no more: 412, and the product stays."""
    product = seller.create(TABLE)
    seller.update(product.body["id"], {**TABLE, "stock": 1})
    assert seller.delete(product.body["id"], if_match=product.headers["ETag"]).status == 412
    assert seller.get(product.body["id"]).status == 200


def test_only_who_may_write_the_catalog_deletes(seller: Person, customer: Person, visitor: Person) -> None:
    """A visitor gets 401, a customer 403, and the product stays."""
    product = seller.create(TABLE).body["id"]
    assert (visitor.delete(product).status, customer.delete(product).status) == (401, 403)
    assert visitor.get(product).status == 200
