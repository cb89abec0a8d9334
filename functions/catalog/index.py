"""The index of products: the alias `products`, and `products-next` while a new one is being built.

Every document carries its product's version as an external version. So an older document never replaces a newer one,
in whatever sequence and however often they arrive. A deleted product leaves a tombstone, which searches skip:
OpenSearch forgets a deleted document's version after a minute, and an older document could then come back.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

import msgspec

from catalog import index_schema, opensearch
from catalog.model import Product
from catalog.opensearch import RefusedError
from kernel.contracts.catalog import ProductEvent, ProductState
from kernel.errors import UnavailableError
from kernel.telemetry import logger

if TYPE_CHECKING:
    from opensearchpy import OpenSearch

LIVE, NEXT = "products", "products-next"
TIMEOUT_SECONDS = 8
CONFLICT, BAD = 409, 400


class Document(NamedTuple):
    """*version*: the external version of the document *source*."""

    id: UUID
    version: int
    source: dict[str, Any]


def of_event(event: ProductEvent) -> Document:
    """Return the document of the product after *event*: a tombstone if it was deleted."""
    if not isinstance(event, ProductState):
        return Document(event.product_id, event.version, {"id": str(event.product_id), "deleted": True})
    fields = msgspec.to_builtins(event)
    fields = {name: value for name, value in fields.items() if name not in ("type", "productId")}
    return Document(event.product_id, event.version, {"id": str(event.product_id), **fields, "deleted": False})


def of_product(product: Product) -> Document:
    """Return the document of *product*."""
    return Document(product.id, product.version, {**msgspec.to_builtins(product), "deleted": False})


def write(documents: list[Document], aliases: Iterable[str]) -> None:
    """Write *documents* to the index behind each of *aliases*, unless it has a newer version.

    Raises UnavailableError if a retry may succeed, RefusedError if a document is rejected for good.
    """
    lines = [line for alias in aliases for document in documents for line in _lines(alias, document)]
    if not lines:
        return
    with opensearch.client() as client:
        answer = client.bulk(body=lines, params={"require_alias": "true"}, request_timeout=TIMEOUT_SECONDS)
    failed = [item["index"] for item in answer["items"] if item["index"]["status"] >= BAD]
    failed = [each for each in failed if each["status"] != CONFLICT]
    if any(opensearch.may_succeed_later(each["status"]) for each in failed):
        raise UnavailableError("The search index stored only some of the documents.")
    if failed:
        raise RefusedError(f"{failed[0]['status']} {failed[0]['error']['type']}")


def targets() -> list[str]:
    """Return the aliases to which changes are written now, and create the live index if it is missing.

    Call it for each batch. A rebuild reads changes that were published before it began from the database. Every
    later change must be written to both indices.
    """
    with opensearch.client() as client:
        found = _aliases(client)
        if LIVE not in found:
            create_live()
        return [LIVE, NEXT] if NEXT in found else [LIVE]


def create_live() -> None:
    """Create the first index. A concurrent call uses the same name, so only one is created."""
    logger.warning("the search index was created empty: run ./millrace reindex to fill it")
    create(f"{LIVE}-{index_schema.HASH}", LIVE)


def create(name: str, alias: str) -> None:
    """Create the index *name* behind *alias*, unless it exists."""
    with opensearch.client() as client:
        body = {**index_schema.DEFINITION, "aliases": {alias: {}}}
        answer = client.indices.create(index=name, body=body, params={"ignore": BAD}, request_timeout=TIMEOUT_SECONDS)
    if "error" in answer and answer["error"]["type"] != "resource_already_exists_exception":
        raise RefusedError(answer["error"]["type"])


def behind(alias: str) -> list[str]:
    """Return the names of the indices that *alias* stands for."""
    with opensearch.client() as client:
        return _aliases(client).get(alias, [])


def _aliases(client: "OpenSearch") -> dict[str, list[str]]:
    # A request for a missing alias is answered with 404, a request for all of them is not.
    found: dict[str, list[str]] = {}
    for name, index in client.indices.get_alias(index=f"{LIVE}-*", request_timeout=TIMEOUT_SECONDS).items():
        for alias in index["aliases"]:
            found.setdefault(alias, []).append(name)
    return found


def _lines(alias: str, document: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    action = {"_index": alias, "_id": str(document.id), "version": document.version, "version_type": "external"}
    return {"index": action}, document.source
