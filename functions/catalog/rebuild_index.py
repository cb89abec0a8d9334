"""Invoked by `./millrace reindex`: rebuild the search index from the database, part by part, without downtime.

It needs the database and OpenSearch alone. A part that failed is repeated with the same cursor. A new rebuild drops an
unfinished one.
"""

from collections.abc import Iterator

from catalog import rebuilding
from catalog.commands import RebuildIndex
from catalog.rebuilding import Place
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress


@operation(RebuildIndex, cursor=Place, part_seconds=rebuilding.PART_SECONDS)
def handler(_command: RebuildIndex, run: Run[Place]) -> Iterator[Progress[Place]]:
    place, done, total = run.cursor, run.done, run.total
    if place is None:
        place, total = rebuilding.begin(), rebuilding.count()
        yield Progress(done, total, place)
    for copied, following in rebuilding.copy(place):
        done += copied
        yield Progress(done, total, following)
