"""GET /api/v1/products/{id}: a product."""

from catalog import cache, model
from catalog.model import Product
from kernel import etags, http
from kernel.responses import Reply


@http.endpoint(rate="read")
def handler(request: http.Request) -> Reply[Product]:
    product = model.found(cache.get(request.id()))
    return Reply(product, headers={"ETag": etags.of(product.version)})
