"""GET /api/v1/products: all products, or those of a category, newest first."""

from catalog import store
from catalog.database import transaction
from catalog.model import Product
from catalog.schemas import ListProducts
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply


@endpoint(rate="read")
def handler(request: Request[None, ListProducts]) -> Reply[list[Product]]:
    page = request.query
    with transaction() as connection:
        products = store.newest(connection, page)
    return page.reply(products, lambda product: (product.id,))
