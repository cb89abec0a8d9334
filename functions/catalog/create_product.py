"""POST /api/v1/products: offer a new product."""

from http import HTTPStatus

from catalog import model, store
from catalog.model import Product
from catalog.schemas import ProductDetails
from kernel import etags, http, ids, outbox
from kernel.database import transaction
from kernel.responses import Reply


@http.endpoint(
    status=HTTPStatus.CREATED,
    scope="catalog:write",
    rate="write",
    largest_body=http.LARGEST_CONTENT_BODY,
    idempotent_in="catalog",
)
def handler(request: http.Request[ProductDetails]) -> Reply[Product]:
    model.check_price(request.body.price_cents, request.body.currency)
    with transaction("catalog") as connection:
        product = store.add(connection, ids.new(), request.body)
        outbox.add(connection, model.created(product))
    return Reply(product, headers={"ETag": etags.of(product.version), "Location": f"products/{product.id}"})
