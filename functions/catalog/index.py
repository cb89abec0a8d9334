"""The index of products: the alias `products`, and `products-next` while a new one is being built.

Every document carries its product's version as an external version, so what is older never replaces what is newer,
in whatever order and how often it arrives. A deleted product stays as a tombstone, which searches do not see:
OpenSearch itself forgets a deleted document's version after a minute, and an older one could then come back.
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
    """*source* as it is kept, with *version* as its external version."""

    id: UUID
    version: int
    source: dict[str, Any]


def of_event(event: ProductEvent) -> Document:
    """The product as the event tells it, or the tombstone."""
    if not isinstance(event, ProductState):
        return Document(event.product_id, event.version, {"id": str(event.product_id), "deleted": True})
    fields = msgspec.to_builtins(event)
    fields = {name: value for name, value in fields.items() if name not in ("type", "productId")}
    return Document(event.product_id, event.version, {"id": str(event.product_id), **fields, "deleted": False})


def of_product(product: Product) -> Document:
    return Document(product.id, product.version, {**msgspec.to_builtins(product), "deleted": False})


def write(documents: list[Document], aliases: Iterable[str]) -> None:
    """Put *documents* behind each of *aliases*, unless there is something newer.

    Raises UnavailableError when it is to be repeated, RefusedError when a document will never be taken.
    """
    lines = [line for alias in aliases for document in documents for line in _lines(alias, document)]
    if not lines:
        return
    with opensearch.client() as client:
        answer = client.bulk(body=lines, params={"require_alias": "true"}, request_timeout=TIMEOUT_SECONDS)
    failed = [item["index"] for item in answer["items"] if item["index"]["status"] >= BAD]
    failed = [each for each in failed if each["status"] != CONFLICT]
    if any(opensearch.may_succeed_later(each["status"]) for each in failed):
        raise UnavailableError("The search index took only a part.")
    if failed:
        raise RefusedError(f"{failed[0]['status']} {failed[0]['error']['type']}")


def targets() -> list[str]:
    """Where changes are to be written now: behind `products`, which is made if need be, and `products-next`.

    To be asked for each batch: a change that was published before an index began to be built is read from the
    database by those who build it, and every later one is written to both.
    """
    with opensearch.client() as client:
        found = _aliases(client)
        if LIVE not in found:
            create_live()
        return [LIVE, NEXT] if NEXT in found else [LIVE]


def create_live() -> None:
    """Make the first index; that another has just done so is fine, as its name is the same."""
    logger.warning("the index is made, empty: what was published before needs ./millrace reindex")
    create(f"{LIVE}-{index_schema.HASH}", LIVE)


def create(name: str, alias: str) -> None:
    with opensearch.client() as client:
        body = {**index_schema.DEFINITION, "aliases": {alias: {}}}
        answer = client.indices.create(index=name, body=body, params={"ignore": BAD}, request_timeout=TIMEOUT_SECONDS)
    if "error" in answer and answer["error"]["type"] != "resource_already_exists_exception":
        raise RefusedError(answer["error"]["type"])


def behind(alias: str) -> list[str]:
    """The indices that *alias* stands for."""
    with opensearch.client() as client:
        return _aliases(client).get(alias, [])


def _aliases(client: "OpenSearch") -> dict[str, list[str]]:
    # A request for aliases that are not there would be 404; the list of all of ours is not.
    found: dict[str, list[str]] = {}
    for name, index in client.indices.get_alias(index=f"{LIVE}-*", request_timeout=TIMEOUT_SECONDS).items():
        for alias in index["aliases"]:
            found.setdefault(alias, []).append(name)
    return found


def _lines(alias: str, document: Document) -> tuple[dict[str, Any], dict[str, Any]]:
    action = {"_index": alias, "_id": str(document.id), "version": document.version, "version_type": "external"}
    return {"index": action}, document.source
