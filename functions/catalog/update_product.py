"""PUT /api/v1/products/{id}: replace the details of a product, its price and its stock among them."""

from msgspec.structs import asdict, replace

from catalog import cache, model, store
from catalog.database import transaction
from catalog.model import Product
from catalog.schemas import ProductDetails
from kernel.errors import PreconditionFailedError
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import LARGEST_CONTENT_BODY, Request
from kernel.web.responses import Reply


@endpoint(scope="catalog:write", rate="write", largest_body=LARGEST_CONTENT_BODY, raises=(PreconditionFailedError,))
def handler(request: Request[ProductDetails]) -> Reply[Product]:
    product_id = request.id()
    model.check_price(request.body.price_cents, request.body.currency)
    with cache.products.changing(product_id), transaction() as connection:
        product = model.require(store.lock(connection, product_id))
        etags.check(request, product.version)
        revised = replace(product, **asdict(request.body))
        # An unchanged document is not saved, so that a request that is sent twice is announced once.
        if revised != product:
            revised = store.save(connection, revised)
            outbox.add(connection, model.announce_updated(revised))
    return Reply(revised, headers={"ETag": etags.of(revised.version)})
