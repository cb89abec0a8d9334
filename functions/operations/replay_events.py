"""Invoked by an operator: publish earlier events again, from their topic, its archive or a file, as a task.

1. Count what is chosen: the plan. Without `execute`, that is all.
2. Refuse what would be applied twice, and a count that is not the expected one.
3. Create the task with the rest of each partition as its place, and carry it on batch by batch.
"""

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from kernel import ids, settings
from kernel.errors import FieldProblem, refuse_fields
from kernel.messaging import kafka, topic_retention
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import accountability, audit_store, consumers, driving, replaying, sources, task_store
from operations.archive import Archive
from operations.archive_bucket import Bucket
from operations.brakes import Brakes
from operations.commands import ReplayEvents
from operations.database import transaction
from operations.driving import Held
from operations.plans import Plan
from operations.replaying import Place, Replay
from operations.selection import Choice, refuse_group, type_of
from operations.sources import ArchiveSource, FileSource, Reading, Source, TopicSource

# Records that are counted in one part: several seconds' worth.
COUNTED = 50_000


class At(Struct, frozen=True):
    """Where the next part begins: within the count, or within the task.

    *whole*: the place of the whole replay. *left*: what is not counted yet.
    *goes_on*: whether it is the command under way. Otherwise an operator resumes the task.
    """

    plan: Plan | None = None
    whole: Place = {}
    left: Place = {}
    task: UUID | None = None
    goes_on: bool = False


@operation(ReplayEvents, cursor=At, part_seconds=driving.PART_SECONDS)
def handler(command: ReplayEvents, run: Run[At]) -> Iterator[Progress[At]]:
    if command.execute:
        accountability.require_reason(command.reason)
    brakes, at = Brakes.of(command), run.cursor or At()
    if at.task is None:
        _require(command)
    with TopicLog() as log, contextlib.ExitStack() as stack:
        source = _source(command, log, stack)
        partitions = len(log.partitions(command.to or command.topic))
        task_id = at.task
        if task_id is None:
            plan, whole = at.plan or _empty(command), at.whole or _whole(command, source)
            for left in _count(command, source, plan, at.left or whole):
                yield Progress(plan.count, None, At(plan, whole, left))
            seconds = brakes.expected_seconds(plan.count)
            _check(command, plan)
            if plan.derived_ids:
                plan.note(
                    f"{plan.derived_ids} have ids derived from order and version: nobody kept those of their time"
                )
            if not replaying.addressees(command):
                plan.note("Nobody applies it: every consumer of the topic ignores replays. See --with-effects")
            if not command.execute:
                yield Progress(
                    plan.count,
                    plan.count,
                    result=plan.result(seconds, **_audience(command), derived_ids=plan.derived_ids),
                )
                return
            task_id = _create(command, plan, log, Replay(command, source, partitions), whole)
            yield Progress(0, plan.count, At(task=task_id, goes_on=True))
        with task_store.driven(task_id, resumes=at.task is not None and not at.goes_on) as (connection, task):
            job = Replay(command, source, partitions, str(task.id))
            for progress in driving.drive(job, log, Held(connection, task, brakes)):
                following = At(task=task_id, goes_on=True) if progress.next else None
                yield Progress(progress.done, progress.total, following, progress.result)


def _require(command: ReplayEvents) -> None:
    """Raise InvalidError for what is wrong with *command*, before a server is asked."""
    refuse_group(command)
    replaying.require_topics(command)
    replaying.addressees(command)
    Choice(command)
    if (command.source == "file") != (command.file is not None):
        refuse_fields([FieldProblem("file", "belongs to source `file`, and source `file` needs one")])
    if command.source == "file" and command.offsets is not None:
        refuse_fields([FieldProblem("offsets", "are of a topic or its archive; a file has lines: use --max")])


def _source(command: ReplayEvents, log: TopicLog, stack: contextlib.ExitStack) -> Source:
    """Return where the events are read; what was opened for it is closed with *stack*."""
    if command.source == "topic":
        return TopicSource(log, command.topic)
    bucket = stack.enter_context(Bucket.from_environment())
    if command.file is not None:
        return FileSource(bucket, command.file)
    return ArchiveSource(Archive(bucket), command.topic)


def _empty(command: ReplayEvents) -> Plan:
    until = command.until or datetime.now(UTC)
    return Plan(until.isoformat())


def _whole(command: ReplayEvents, source: Source) -> Place:
    return replaying.place_of(sources.narrowed(source.ranges(), command.offsets))


def _count(command: ReplayEvents, source: Source, plan: Plan, place: Place) -> Iterator[Place]:
    """Add what is chosen to *plan*. Yields what is left after each part, unless that is nothing."""
    reading, choice = Reading(source, replaying.ranges_of(place)), Choice(command)
    for number, record in enumerate(reading.records(), 1):
        if choice.has(record):
            plan.add(topic=record.topic, type=type_of(record), key=record.key, timestamp=record.timestamp)
            plan.derived_ids += replaying.has_derived_id(record)
            if not kafka.is_exact(record):
                plan.note("Some have a header without a value, or neither key nor value: these become empty")
            if plan.count == command.max:
                return
        if number % COUNTED == 0:
            yield replaying.place_of(reading.rest())


def _check(command: ReplayEvents, plan: Plan) -> None:
    """Raise ConflictError for what would be applied twice, and for a count that is not the expected one."""
    own = settings.Retention.from_environment()
    target = command.to or command.topic
    [topic] = topic_retention.read([target])
    reached = replaying.addressees(command)
    replaying.require_remembered(reached, topic, own.inbox, plan.oldest)
    replaying.require_known_ids(reached, plan.derived_ids)
    plan.require(command.expect)


def _audience(command: ReplayEvents) -> dict[str, object]:
    """Return whom the replay reaches, and who reads its topic and ignores it."""
    target = command.to or command.topic
    reached = [each.name for each in replaying.addressees(command)]
    others = [each.name for each in consumers.of_topic(target) if each.name not in reached]
    return {"to": target, "consumers": reached, "ignored_by": others}


def _create(command: ReplayEvents, plan: Plan, log: TopicLog, job: Replay, whole: Place) -> UUID:
    """Create the task and its entry in the audit. Returns its id."""
    who, given = accountability.name_of(command.who), msgspec.to_builtins(command)
    task_id = ids.new()
    checkpoint = driving.first_checkpoint(job, log, task_id, Brakes.of(command), whole)
    new = task_store.NewTask(task_id, handler.name, given, job.topics, plan.count, checkpoint, who, command.reason)
    with transaction() as connection:
        task_store.create(connection, new)
        counts = {"events": plan.count}
        entry = audit_store.NewEntry(who, "events replay", given, command.reason, counts, task_id)
        audit_store.add(connection, entry)
    return task_id
