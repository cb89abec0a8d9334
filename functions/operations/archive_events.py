"""Schedule rate(5 minutes): archive what every topic has since the last run, dead-letter topics included, in S3.

Operators run it with `./millrace events archive`. Each part is one file of one partition; all partitions take turns.
"""

from collections.abc import Iterator

from msgspec import Struct, structs

from kernel.errors import (
    ConflictError,
    FieldProblem,
    ForbiddenError,
    NotFoundError,
    UnavailableError,
    UnprocessableError,
    refuse_fields,
)
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import archive_gaps, archiving, topics
from operations.archive_bucket import Bucket
from operations.archiving import TopicArchive
from operations.commands import ArchiveEvents

# Reasons for which one topic is not archived. The others are: a partition without a broker does not stop them.
TOPIC_PROBLEMS = (ConflictError, ForbiddenError, NotFoundError, UnavailableError, UnprocessableError)


class Archived(Struct, frozen=True):
    """Count the *records* and *files* that were written. *problems*: why a topic is not archived, by topic."""

    records: int = 0
    files: int = 0
    problems: dict[str, str] = {}


class Turn(Struct, frozen=True):
    """The offsets of a partition that are still to be archived."""

    topic: str
    partition: int
    next: int
    end: int


class Place(Struct, frozen=True):
    """*turns*: the first one is next. After its part it is the last one, until it is done."""

    turns: list[Turn]
    total: int
    archived: Archived = Archived()

    @property
    def done(self) -> int:
        """How many offsets are archived of *total*, or given up for a problem."""
        return self.total - sum(each.end - each.next for each in self.turns)


class _Archives(dict[str, TopicArchive]):
    """The archives of this invocation, by topic."""

    def __init__(self, log: TopicLog, bucket: Bucket) -> None:
        super().__init__()
        self._log = log
        self._bucket = bucket

    def __missing__(self, topic: str) -> TopicArchive:
        self[topic] = found = TopicArchive(self._log, self._bucket, topic)
        return found


@operation(ArchiveEvents, cursor=Place, part_seconds=archiving.PART_SECONDS)
def handler(command: ArchiveEvents, run: Run[Place]) -> Iterator[Progress[Place]]:
    """Records that are written after the beginning are the next run's."""
    wanted = _wanted(command)
    run.count(records_archived=0, archive_files=0, archive_gaps=0, archive_problems=0)
    with Bucket.from_environment() as bucket, TopicLog() as log:
        if command.acknowledge and run.cursor is None:
            archive_gaps.acknowledge(bucket, wanted, command.acknowledge)
        archives = _Archives(log, bucket)
        place = run.cursor or _begin(archives, wanted)
        while place.turns:
            place = _take(archives, place, run)
            yield Progress(place.done, place.total, place, place.archived)
        gaps = archive_gaps.unacknowledged(bucket, wanted)
    run.count(archive_gaps=len(gaps), archive_problems=len(place.archived.problems))
    if found := [*place.archived.problems.values(), *gaps]:
        advice = " Accept the loss with ./millrace events archive --acknowledge REASON." if gaps else ""
        raise ConflictError(" ".join(found) + advice)
    yield Progress(place.done, place.total, None, place.archived)


def _wanted(command: ArchiveEvents) -> list[str]:
    """Return the topics to archive. Raises InvalidError for one that the application does not have."""
    known = topics.names()
    problems = [
        FieldProblem(f"topic[{number}]", f"There is no topic {topic}. There are: {', '.join(known)}.")
        for number, topic in enumerate(command.topic)
        if topic not in known
    ]
    refuse_fields(problems)
    return command.topic or known


def _begin(archives: _Archives, wanted: list[str]) -> Place:
    turns, problems = [], {}
    for topic in wanted:
        try:
            pending = archives[topic].pending()
        except TOPIC_PROBLEMS as error:
            problems[topic] = str(error)
        else:
            turns += [Turn(topic, number, offsets.start, offsets.stop) for number, offsets in pending.items()]
    return Place(turns, sum(each.end - each.next for each in turns), Archived(problems=problems))


def _take(archives: _Archives, place: Place, run: Run[Place]) -> Place:
    """Return the place after the first turn's part."""
    turn, *later = place.turns
    archived = place.archived
    try:
        step = archives[turn.topic].step(turn.partition, turn.end)
    except TOPIC_PROBLEMS as error:
        archived = structs.replace(archived, problems=archived.problems | {turn.topic: str(error)})
        return Place([each for each in later if each.topic != turn.topic], place.total, archived)
    run.count(records_archived=step.records, archive_files=step.files)
    archived = structs.replace(archived, records=archived.records + step.records, files=archived.files + step.files)
    if step.next < turn.end:
        later.append(structs.replace(turn, next=max(turn.next, step.next)))
    return Place(later, place.total, archived)
