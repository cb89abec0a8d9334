"""Invoked by an operator: publish dead letters again for the consumer that failed, as a task.

1. Find the letters that are chosen and wait, and leave out those that cannot be redriven: the plan.
2. Refuse a count that is not the expected one.
3. Create the task, select its letters in their order, and carry it on batch by batch.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from kernel import ids, settings
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import accountability, audit_store, driving, letter_store, letters, redriving, task_store
from operations.brakes import Brakes
from operations.commands import RedriveDeadLetters
from operations.database import transaction
from operations.driving import Held
from operations.letters import DeadLetter, Wanted
from operations.plans import Plan
from operations.redriving import Redrive


class At(Struct, frozen=True):
    """Where the next part begins: within the task.

    *goes_on*: whether it is the command under way. Otherwise an operator resumes the task.
    """

    task: UUID
    goes_on: bool = False


@operation(RedriveDeadLetters, cursor=At, part_seconds=driving.PART_SECONDS)
def handler(command: RedriveDeadLetters, run: Run[At]) -> Iterator[Progress[At]]:
    if command.execute:
        accountability.require_reason(command.reason)
    brakes = Brakes.of(command)
    with TopicLog() as log:
        if run.cursor is None:
            chosen, plan = _plan(command, log)
            plan.require(command.expect)
            if not command.execute or not chosen:
                nothing = {"state": "done", "published": 0} if command.execute else {}
                yield Progress(0, plan.count, result=plan.result(brakes.expected_seconds(plan.count), **nothing))
                return
            task_id = _create(command, log, chosen, brakes)
            yield Progress(0, plan.count, At(task_id, goes_on=True))
        else:
            task_id = run.cursor.task
        with task_store.driven(task_id, resumes=run.cursor is not None and not run.cursor.goes_on) as (
            connection,
            task,
        ):
            job = Redrive(log, task_id, task.checkpoint["place"]["topics"])
            for progress in driving.drive(job, log, Held(connection, task, brakes)):
                following = At(task_id, goes_on=True) if progress.next else None
                yield Progress(progress.done, progress.total, following, progress.result)


def _plan(command: RedriveDeadLetters, log: TopicLog) -> tuple[list[DeadLetter], Plan]:
    """Return the letters to redrive, in their order, and what an operator should know before."""
    until = command.until or datetime.now(UTC)
    everything = letters.read_all(log, Wanted(command, command.max_redrives, command.letter))
    waiting = letters.chosen_in(everything, "waiting", None)
    own = settings.Retention.from_environment()
    possible, notes = redriving.divide(waiting, own.longest_redrive_age)
    chosen = possible[: command.max]
    plan = redriving.plan_of(chosen, until.isoformat())
    plan.conflicts, unseen = redriving.conflicts(log, chosen, everything)
    for note in notes + unseen:
        plan.note(note)
    if parked := letters.chosen_in(everything, "parked", None):
        plan.note(f"{len(parked)} are parked after {command.max_redrives} redrives: --max-redrives takes them too")
    return chosen, plan


def _create(command: RedriveDeadLetters, log: TopicLog, chosen: list[DeadLetter], brakes: Brakes) -> UUID:
    """Create the task, select its letters and write the audit, in one transaction. Returns the task's id."""
    who, given, task_id = accountability.name_of(command.who), msgspec.to_builtins(command), ids.new()
    topics = sorted({each.letter.topic or "" for each in chosen})
    checkpoint = driving.first_checkpoint(Redrive(log, task_id, topics), log, task_id, brakes, {"topics": topics})
    kept = [*topics, *sorted({each.place.topic for each in chosen})]
    new = task_store.NewTask(task_id, handler.name, given, kept, len(chosen), checkpoint, who, command.reason)
    with transaction() as connection:
        task_store.create(connection, new)
        letter_store.select(connection, task_id, [each.place for each in chosen])
        counts = {"letters": len(chosen)}
        entry = audit_store.NewEntry(who, "dead-letters redrive", given, command.reason, counts, task_id)
        audit_store.add(connection, entry)
    return task_id
