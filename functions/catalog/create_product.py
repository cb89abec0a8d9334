"""POST /api/v1/products: offer a new product."""

from http import HTTPStatus

from catalog import model, store
from catalog.database import transaction
from catalog.model import Product
from catalog.schemas import ProductDetails
from kernel import ids
from kernel.messaging import outbox
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import LARGEST_CONTENT_BODY, Request
from kernel.web.responses import Reply


@endpoint(
    status=HTTPStatus.CREATED,
    scope="catalog:write",
    rate="write",
    largest_body=LARGEST_CONTENT_BODY,
    idempotent=True,
)
def handler(request: Request[ProductDetails]) -> Reply[Product]:
    model.check_price(request.body.price_cents, request.body.currency)
    with transaction() as connection:
        product = store.add(connection, ids.new(), request.body)
        outbox.add(connection, model.announce_created(product))
    return Reply(product, headers={"ETag": etags.of(product.version), "Location": f"products/{product.id}"})
