"""Invoked by an operator: list the rows of outboxes that no retry can publish, with the reason of each."""

from collections.abc import Iterator

from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import parked_rows, selection
from operations.commands import ListParkedRows
from operations.parked_rows import ParkedRow

# An answer has 6 MB at most.
MOST = 1_000


@operation(ListParkedRows)
def handler(command: ListParkedRows, _run: Run[None]) -> Iterator[Progress[None]]:
    found = parked_rows.chosen(command, command.domain)
    yield Progress(len(found), len(found), result={"count": len(found), "rows": list(map(_told, found[:MOST]))})


def _told(row: ParkedRow) -> dict[str, object]:
    """Return what an operator sees of *row*: never its content, which may be personal."""
    record = row.record
    return {
        "domain": row.domain,
        "id": record.offset,
        "topic": record.topic,
        "type": selection.type_of(record),
        "key": record.key,
        "bytes": len(record.value or b""),
        "created_at": record.timestamp,
        "reason": row.reason,
    }
