"""Rebuilds the index beside the live one. The consumer writes to both meanwhile (`catalog.index.targets`)."""

from collections.abc import Iterator
from uuid import UUID

from msgspec import Struct

from catalog import index, index_schema, opensearch, store
from catalog.database import transaction
from catalog.index import LIVE, NEXT
from catalog.model import Product
from kernel import ids
from kernel.errors import ConflictError

PAGE = 500
# The longest part: a read and a few requests to OpenSearch, each with its timeout.
PART_SECONDS = 10 + 4 * index.TIMEOUT_SECONDS


class Place(Struct, frozen=True):
    """Where the copying goes on: in *index*, with the product that follows *after*. None: with the first one."""

    index: str
    after: UUID | None = None


def begin() -> Place:
    """Create the new index, to which the consumer writes from now on, and drop an unfinished one."""
    index.targets()
    for name in index.behind(NEXT):
        with opensearch.client() as client:
            client.indices.delete(index=name, request_timeout=index.TIMEOUT_SECONDS)
    name = f"{LIVE}-{index_schema.HASH}-{ids.new().hex}"
    index.create(name, NEXT)
    return Place(name)


def copy(place: Place) -> Iterator[tuple[int, Place | None]]:
    """Copy page by page. After the last page, let the new index replace the old one.

    Yields how many products a page has and where the next page begins, at last 0 and None.
    Raises ConflictError if another rebuild has begun since.
    """
    if index.behind(LIVE) == [place.index]:
        yield 0, None
        return
    if index.behind(NEXT) != [place.index]:
        raise ConflictError("This rebuild was given up for a newer one. Start a new one.")
    while products := _page(place):
        index.write([index.of_product(each) for each in products], [NEXT])
        place = Place(place.index, products[-1].id)
        yield len(products), place
    _swap(place.index)
    yield 0, None


def count() -> int:
    """Return how many products there are to copy."""
    with transaction() as connection:
        return store.count(connection)


def _page(place: Place) -> list[Product]:
    with transaction() as connection:
        return store.after(connection, place.after, PAGE)


def _swap(name: str) -> None:
    """Point `products` to the new index in one step, so that no search finds nothing."""
    old = [{"remove_index": {"index": each}} for each in index.behind(LIVE)]
    actions = [
        {"remove": {"index": name, "alias": NEXT, "must_exist": True}},
        {"add": {"index": name, "alias": LIVE}},
        *old,
    ]
    with opensearch.client() as client:
        client.indices.refresh(index=name, request_timeout=index.TIMEOUT_SECONDS)
        client.indices.update_aliases(body={"actions": actions}, request_timeout=index.TIMEOUT_SECONDS)
