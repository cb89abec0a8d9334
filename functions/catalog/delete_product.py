"""DELETE /api/v1/products/{id}: delete a product from the catalog."""

from http import HTTPStatus

from catalog import cache, model, store
from catalog.database import transaction
from kernel.errors import PreconditionFailedError
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request


@endpoint(status=HTTPStatus.NO_CONTENT, scope="catalog:write", rate="write", raises=(PreconditionFailedError,))
def handler(request: Request) -> None:
    product_id = request.id()
    with cache.products.changing(product_id), transaction() as connection:
        product = model.require(store.lock(connection, product_id))
        etags.check(request, product.version)
        store.delete(connection, product)
        outbox.add(connection, model.announce_deleted(product))
