"""Invoked by an operator: move a consumer's group to other offsets, or show what that would read again or skip.

Offsets are moved in one request, so a killed invocation has moved all of them or none. A repeated one does nothing twice.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec
from msgspec import Struct

from kernel.errors import ConflictError, FieldProblem, InvalidError, refuse_fields
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import accountability, audit_store, consumer_groups
from operations.commands import SeekGroup
from operations.consumers import named
from operations.database import transaction

WORDS = (
    "give earliest, latest, a time with its zone (2026-11-27T03:00:00Z) or <partition>:<offset>,… such as 0:120,1:95"
)
EACH = re.compile(r"(\d{1,9}):(\d{1,18})")


class Move(Struct, frozen=True, rename="camel"):
    """What becomes of one partition. *before*: None if the group has committed none. *again*, *skipped*: records."""

    partition: int
    before: int | None
    after: int
    again: int
    skipped: int


class SeekPlan(Struct, frozen=True, rename="camel"):
    """What a seek does. *count*: records that are read again or skipped. *moved*: whether it was done."""

    consumer: str
    group: str
    topic: str
    moves: list[Move]
    count: int
    members: list[consumer_groups.Member]
    moved: bool


@operation(SeekGroup)
def handler(command: SeekGroup, _run: Run[None]) -> Iterator[Progress[None]]:
    consumer = named(command.consumer)
    with TopicLog() as log:
        ranges = log.ranges(consumer.topic)
        wanted = _wanted(log, consumer.topic, ranges, command.to)
    groups = {consumer.group: consumer.topic}
    with consumer_groups.connected() as client:
        before = consumer_groups.committed(client, groups, {consumer.topic: ranges})[consumer.group]
        present = consumer_groups.members(client, groups)[consumer.group]
        moves = [
            Move(number, before.get(number), offset, *_counts(before.get(number, ranges[number].start), offset))
            for number, offset in sorted(wanted.items())
        ]
        count = sum(each.again + each.skipped for each in moves)
        if command.execute:
            _refuse_members(consumer.group, present)
            _refuse_other_count(command.expect, count)
            _record(command, {"records": count, "partitions": len(moves)})
            consumer_groups.move(client, consumer.group, consumer.topic, wanted)
    plan = SeekPlan(consumer.name, consumer.group, consumer.topic, moves, count, present, moved=command.execute)
    yield Progress(count, count, None, plan)


def _record(command: SeekGroup, counts: dict[str, int]) -> None:
    accountability.require_reason(command.reason)
    who = accountability.name_of(command.who)
    options = msgspec.to_builtins(command)
    with transaction() as connection:
        audit_store.add(connection, audit_store.NewEntry(who, "mappings seek", options, command.reason, counts))


def _wanted(log: TopicLog, topic: str, ranges: Mapping[int, range], to: str) -> dict[int, int]:
    """Return the offset of each partition that is moved."""
    if to == "earliest":
        return {number: each.start for number, each in ranges.items()}
    if to == "latest":
        return {number: each.stop for number, each in ranges.items()}
    if re.fullmatch(rf"{EACH.pattern}(,{EACH.pattern})*", to):
        return _explicit(topic, ranges, to)
    try:
        moment = datetime.fromisoformat(to)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        refuse_fields([FieldProblem("to", f"is none of these: {WORDS}")])
        raise InvalidError(to)
    return log.offset_at(topic, int(moment.timestamp() * 1000))


def _explicit(topic: str, ranges: Mapping[int, range], to: str) -> dict[int, int]:
    """Return the offsets that *to* lists. Refuses absent partitions, repeated ones, and offsets that are out of range."""
    listed = [(int(number), int(offset)) for number, offset in EACH.findall(to)]
    found = dict(listed)
    problems = [] if len(found) == len(listed) else ["names a partition twice"]
    for number, offset in found.items():
        if number not in ranges:
            problems.append(f"names partition {number}, and {topic} has {len(ranges)}, from 0")
        elif not ranges[number].start <= offset <= ranges[number].stop:
            first, end = ranges[number].start, ranges[number].stop
            problems.append(f"names offset {offset} of partition {number}, which has {first} to {end}")
    refuse_fields(FieldProblem("to", each) for each in problems)
    return found


def _counts(before: int, after: int) -> tuple[int, int]:
    """Return how many records are read again, and how many are skipped."""
    return max(0, before - after), max(0, after - before)


def _refuse_members(group: str, present: list[consumer_groups.Member]) -> None:
    if present:
        names = ", ".join(f"{each.client_id} at {each.host}" for each in present)
        message = f"The group {group} has members: {names}. Pause its mapping and stop other clients first."
        raise ConflictError(message)


def _refuse_other_count(expected: int | None, count: int) -> None:
    """Refuse another count than the expected one. Zero is the end of a repeated seek: there is nothing left to move."""
    if expected is not None and count not in {0, expected}:
        message = f"{count} records would be read again or skipped, and {expected} were expected. Nothing was moved."
        raise ConflictError(message)
