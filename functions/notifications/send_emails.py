"""Schedule rate(1 minute): send the e-mails that are due again, or that a killed function left behind."""

from collections import Counter
from collections.abc import Iterator

from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from notifications import delivery, outgoing
from notifications.commands import SendEmails
from notifications.database import transaction

PART_SECONDS = delivery.RESERVE_MILLISECONDS / 1000

type Counts = dict[str, int]


@operation(SendEmails, cursor=dict[str, int], part_seconds=PART_SECONDS)
def handler(_command: SendEmails, run: Run[Counts]) -> Iterator[Progress[Counts]]:
    """The cursor holds the counts alone: an e-mail that was tried is not due again for a minute."""
    counts = Counter(run.cursor or {})
    counts.update(delivery.send_due(run.context))
    with transaction() as connection:
        waiting = outgoing.count_waiting(connection)
    run.count(emails_waiting=waiting)
    out_of_time = not run.has_time(PART_SECONDS)
    yield Progress(counts["sent"], None, dict(counts) if out_of_time else None, {**counts, "waiting": waiting})
