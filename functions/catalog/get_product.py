"""GET /api/v1/products/{id}: a product."""

from catalog import cache, model
from catalog.model import Product
from kernel.web import etags
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply


@endpoint(rate="read")
def handler(request: Request) -> Reply[Product]:
    product = model.require(cache.get(request.id()))
    return Reply(product, headers={"ETag": etags.of(product.version)})
