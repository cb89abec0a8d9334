"""Invoked by an operator: write the orders' events as they were published to a file, from which they can be replayed.

The file is `replays/<name>.jsonl.gz` in the archive's bucket, each order's events in their order. Each part is a page
of orders. The file is there when the last one is written, and not before.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

from msgspec import Struct

from kernel import ids, settings
from kernel.aws.uploads import Upload, Uploads
from kernel.errors import FieldProblem, refuse_fields
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.storage.database import Connection
from orders import announcements, store
from orders.announcements import Page, Period
from orders.commands import ExportEvents
from orders.database import transaction

# A page and its requests to S3, with a retry.
PART_SECONDS = 45
FIRST = UUID(int=0)


class At(Struct, frozen=True):
    """Where the next part begins. *until*: of the command, or when the export began."""

    name: str
    upload: Upload
    until: datetime
    after: UUID = FIRST
    events: int = 0
    derived_ids: int = 0


@operation(ExportEvents, cursor=At, part_seconds=PART_SECONDS)
def handler(command: ExportEvents, run: Run[At]) -> Iterator[Progress[At]]:
    if command.since and command.until and command.since >= command.until:
        refuse_fields([FieldProblem("until", "must be later than `since`: nothing lies between them")])
    uploads = Uploads(settings.text("ARCHIVE_BUCKET"))
    try:
        at = run.cursor or _begin(uploads, command)
        done, total = run.done, run.total
        while True:
            with transaction() as connection:
                total = (1 if command.key else store.count(connection)) if total is None else total
                page = _read(command, at, connection)
            at = At(
                at.name,
                uploads.add(at.upload, page.content) if page.events else at.upload,
                at.until,
                page.last or at.after,
                at.events + page.events,
                at.derived_ids + page.derived_ids,
            )
            done += page.orders
            if page.last is None:
                break
            yield Progress(done, total, at)
        yield Progress(done, total, result=_finish(uploads, at))
    finally:
        uploads.close()


def _begin(uploads: Uploads, command: ExportEvents) -> At:
    name = f"orders-{ids.new()}"
    return At(name, uploads.begin(f"replays/{name}.jsonl.gz"), command.until or datetime.now(UTC))


def _read(command: ExportEvents, at: At, connection: Connection) -> Page:
    period = Period(command.since, at.until)
    if command.key:
        return announcements.page_of(connection, command.key, period)
    return announcements.page_after(connection, at.after, period, at.events)


def _finish(uploads: Uploads, at: At) -> dict[str, object]:
    """Make the file, unless there are no events. Returns what the operator is told."""
    if at.events:
        uploads.finish(at.upload)
    else:
        uploads.abort(at.upload)
    return {"file": at.name if at.events else None, "events": at.events, "derived_ids": at.derived_ids}
