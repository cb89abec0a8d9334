"""Invoked by an operator: rebuild the list of orders from their events, while orders are placed and changed.

Each part is a page of orders in one transaction. The cursor is the id of the page's last order.
"""

from collections.abc import Iterator
from uuid import UUID

from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from orders import order_list, store
from orders.commands import RebuildOrderList
from orders.database import transaction

# A page takes far less.
PART_SECONDS = 15
FIRST = UUID(int=0)


@operation(RebuildOrderList, cursor=UUID, part_seconds=PART_SECONDS)
def handler(_command: RebuildOrderList, run: Run[UUID]) -> Iterator[Progress[UUID]]:
    position: UUID | None = run.cursor or FIRST
    done, total = run.done, run.total
    while position is not None:
        with transaction() as connection:
            total = store.count(connection) if total is None else total
            count, position = order_list.rebuild(connection, position)
        done += count
        yield Progress(done, total, position)
