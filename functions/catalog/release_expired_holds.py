"""Schedule rate(1 minute): release the holds of orders that were not paid in time.

Concurrent runs share the holds. What a killed run leaves is released by the next one.
"""

from collections.abc import Iterator

from catalog import reservations
from catalog.commands import ReleaseExpiredHolds
from catalog.database import transaction
from kernel import settings
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.storage import cache

AT_ONCE = 500
# What one transaction may take: several statement timeouts.
PART_SECONDS = 20


@operation(ReleaseExpiredHolds, cursor=int, part_seconds=PART_SECONDS)
def handler(_command: ReleaseExpiredHolds, run: Run[int]) -> Iterator[Progress[int]]:
    """The cursor is the number of holds released so far: what is left to release is found in the database."""
    released, minutes = run.cursor or 0, settings.hold_minutes()
    run.count(holds_released=0)
    while count := _release(minutes):
        released += count
        run.count(holds_released=count)
        yield Progress(released, None, released)
    yield Progress(released, released)


def _release(minutes: int) -> int:
    with cache.postponed(), transaction() as connection:
        return reservations.release_expired(connection, minutes, AT_ONCE)
