"""GET /api/v1/products: all products, or those of a category, newest first."""

from catalog import store
from catalog.model import Product
from catalog.schemas import ListProducts
from kernel import http
from kernel.database import transaction
from kernel.responses import Reply


@http.endpoint(rate="read")
def handler(request: http.Request[None, ListProducts]) -> Reply[list[Product]]:
    page = request.query
    with transaction("catalog") as connection:
        products = store.newest(connection, page)
    return page.reply(products, lambda product: (product.id,))
