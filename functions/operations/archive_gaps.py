"""What retention deleted before it was archived: told in every run until an operator acknowledges it."""

from collections.abc import Iterable

from msgspec import structs

from kernel.errors import UnavailableError
from operations.archive_bucket import Bucket, ChangedError

ATTEMPTS = 5


def unacknowledged(bucket: Bucket, topics: Iterable[str]) -> list[str]:
    """Return a sentence about each gap that nobody has acknowledged."""
    return [
        f"{topic}, partition {gap.partition}: offsets {gap.first} to {gap.last} were deleted before they were archived."
        for topic in topics
        if (found := bucket.positions(topic))
        for gap in found[0].gaps
        if gap.acknowledged is None
    ]


def acknowledge(bucket: Bucket, topics: Iterable[str], reason: str) -> None:
    """Keep *reason* with each gap of *topics* that has none."""
    for topic in topics:
        if not any(_acknowledge(bucket, topic, reason) for _ in range(ATTEMPTS)):
            message = f"Other runs archive {topic} at the same time."
            raise UnavailableError(message)


def _acknowledge(bucket: Bucket, topic: str, reason: str) -> bool:
    """Return False if another run has written the positions meanwhile."""
    found = bucket.positions(topic)
    if found is None:
        return True
    positions, etag = found
    gaps = [each if each.acknowledged else structs.replace(each, acknowledged=reason) for each in positions.gaps]
    try:
        if gaps != positions.gaps:
            bucket.write_positions(topic, structs.replace(positions, gaps=gaps), etag)
    except ChangedError:
        return False
    return True
