"""Re-indexing beside the live index; the consumer writes to both meanwhile (`catalog.index.targets`)."""

import time

from catalog import index, index_schema, opensearch, store
from catalog.commands import RebuildCursor, RebuildProgress
from catalog.index import LIVE, NEXT
from kernel import ids
from kernel.errors import ConflictError
from kernel.storage.database import transaction

PAGE = 500
# Between two answers, so that progress is seen; the last page and the swap end well before Lambda's deadline.
PART_SECONDS = 3.0


def begin() -> RebuildProgress:
    """Make the new index, from now on written to by the consumer as well; an unfinished one is dropped."""
    index.targets()
    for name in index.behind(NEXT):
        with opensearch.client() as client:
            client.indices.delete(index=name, request_timeout=index.TIMEOUT_SECONDS)
    name = f"{LIVE}-{index_schema.HASH}-{ids.new().hex}"
    index.create(name, NEXT)
    return RebuildProgress(0, _total(), RebuildCursor(name, 0, None))


def advance(cursor: RebuildCursor) -> RebuildProgress:
    """Copy pages for some seconds; after the last one let the new index take the old one's place."""
    if index.behind(LIVE) == [cursor.index]:
        return RebuildProgress(cursor.done, _total(), None)
    if index.behind(NEXT) != [cursor.index]:
        raise ConflictError("This rebuild was given up for another one. Begin anew.")
    deadline = time.monotonic() + PART_SECONDS
    while True:
        with transaction("catalog") as connection:
            products = store.after(connection, cursor.after, PAGE)
        if not products:
            _swap(cursor.index)
            return RebuildProgress(cursor.done, _total(), None)
        index.write([index.of_product(each) for each in products], [NEXT])
        cursor = RebuildCursor(cursor.index, cursor.done + len(products), products[-1].id)
        if time.monotonic() > deadline:
            return RebuildProgress(cursor.done, _total(), cursor)


def _swap(name: str) -> None:
    """In one step, so that no search finds nothing."""
    old = [{"remove_index": {"index": each}} for each in index.behind(LIVE)]
    actions = [
        {"remove": {"index": name, "alias": NEXT, "must_exist": True}},
        {"add": {"index": name, "alias": LIVE}},
        *old,
    ]
    with opensearch.client() as client:
        client.indices.refresh(index=name, request_timeout=index.TIMEOUT_SECONDS)
        client.indices.update_aliases(body={"actions": actions}, request_timeout=index.TIMEOUT_SECONDS)


def _total() -> int:
    with transaction("catalog") as connection:
        return store.count(connection)
