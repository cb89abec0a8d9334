"""Invoked by an operator: show the whole way of one event, or of all events of one request."""

from collections.abc import Iterator

from kernel import settings
from kernel.errors import FieldProblem, refuse_fields
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations.accountability import LOCAL_STAGE
from operations.event_commands import TraceEvent
from operations.event_path import Finder

PART_SECONDS = 60


@operation(TraceEvent)
def handler(command: TraceEvent, _run: Run[None]) -> Iterator[Progress[None]]:
    if command.rows and settings.text("STAGE") != LOCAL_STAGE:
        refuse_fields([FieldProblem("rows", "is for the local cloud only: rows may hold personal data. Leave it out")])
    with TopicLog() as log:
        path = Finder(command, log).path()
    yield Progress(len(path.events), len(path.events), result=path)
