"""GET /api/v1/products/search: search products by words, category, price and stock, even if OpenSearch is down."""

from msgspec.structs import astuple

from catalog import model, search_index
from catalog.opensearch import RefusedError
from catalog.schemas import FoundProducts, Position, SearchProducts
from kernel.errors import UnavailableError
from kernel.telemetry import logger
from kernel.web.endpoint import endpoint
from kernel.web.requests import Request
from kernel.web.responses import Reply


@endpoint(rate="read")
def handler(request: Request[None, SearchProducts]) -> Reply[FoundProducts]:
    page = request.query
    start = page.start(Position)
    if start:
        model.check_position(start.sort, start.value, page.order())
    try:
        found, last = search_index.search(page, start)
    except (UnavailableError, RefusedError) as error:
        from catalog import full_text  # noqa: PLC0415 - it brings Postgres, which is needed at such times only

        logger.warning("products are searched in the database", extra={"error": str(error)})
        found, last = full_text.search(page, start)
    return Reply(found, headers=page.next_link(*astuple(last)) if last else {})
