"""The redrive of dead letters: what is published, in which order, and what is left where it is."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from kernel.errors import NotFoundError
from kernel.messaging import foreign_dead_letters, groups, markers
from kernel.messaging.foreign_dead_letters import Letter
from kernel.messaging.kafka import Copy
from kernel.messaging.log_record import LogHeader, LogRecord
from kernel.messaging.topic_log import TopicLog
from kernel.storage.database import Connection
from kernel.telemetry import logger
from operations import consumers, letter_store, letters
from operations.consumers import Consumer
from operations.driving import Batch
from operations.letters import DeadLetter
from operations.plans import Plan

# Beyond so many later records of a topic, conflicts are not looked for: it would take minutes.
MOST_LATER = 500_000
REPLACED = {
    markers.FOR_CONSUMER,
    markers.REDRIVE_ID,
    markers.REDRIVE_COUNT,
    markers.REDRIVE_PARTITION,
    markers.REDRIVE_OFFSET,
}


class Redrive:
    """The job of a redrive (`driving.Job`). Its place is in the table of letters."""

    header = markers.REDRIVE_ID

    def __init__(self, log: TopicLog, task_id: UUID, topics: Sequence[str]) -> None:
        self.log = log
        self.task_id = task_id
        self.topics = topics
        self.consumers = list[Consumer](each for topic in topics for each in consumers.of_topic(topic))
        self._partitions = {topic: len(log.partitions(topic)) for topic in topics}

    def read(self, connection: Connection, _place: object, most: int) -> Batch:
        """Return the next letters as their topics had them, with the marks of this redrive."""
        while places := letter_store.selected(connection, self.task_id, most):
            records = letters.read_at(self.log, set(places))
            if expired := [place for place in places if place not in records]:
                letter_store.put(connection, expired, "expired")
                logger.error("dead letters have expired before their redrive", extra={"letters": len(expired)})
            found = [place for place in places if place in records]
            if found:
                return Batch([self._copy(records[place]) for place in found], found)
        return Batch([], ())

    def settle(self, connection: Connection, place: object, tokens: Sequence[Any]) -> object:
        letter_store.mark_redriven(connection, self.task_id, tokens)
        return place

    def _copy(self, record: LogRecord) -> Copy:
        """Return the original, with its letter's headers, so that another failure counts on from there."""
        letter = foreign_dead_letters.read(record)
        original = self._original(record, letter)
        headers: list[LogHeader] = [each for each in original.headers if each[0] not in REPLACED]
        headers += [(name, value.encode()) for name, value in _marks(letter, self.task_id).items()]
        if not {"ce_id", "dlq_id"} & {name for name, _ in headers}:
            headers.append(
                ("dlq_id", str(uuid5(NAMESPACE_OID, f"{record.topic} {record.partition} {record.offset}")).encode())
            )
        target = letter.topic or ""
        partition = letter.partition if (letter.partition or 0) < self._partitions[target] else None
        return Copy(target, original.key, headers, original.value, partition)

    def _original(self, record: LogRecord, letter: Letter) -> LogRecord:
        """Return the original as its letter has kept it, otherwise as its topic has it; the letter's own content at worst."""
        kept = foreign_dead_letters.original(record)
        if kept is None and letter.topic is not None:
            name = f"{letter.topic}:{letter.partition}:{letter.offset}"
            with contextlib.suppress(NotFoundError):
                kept = letters.read_one(self.log, name)
        return kept or record


def divide(found: Sequence[DeadLetter], longest_age: timedelta) -> tuple[list[DeadLetter], list[str]]:
    """Return the letters that can be redriven, and a note for each reason for which others cannot.

    *longest_age*: of an original whose consumer needs its inbox.
    """
    left_out: Counter[str] = Counter()
    possible = []
    oldest = (datetime.now(UTC) - longest_age).timestamp() * 1000
    for each in found:
        if reason := _refusal(each, oldest):
            left_out[reason] += 1
        else:
            possible.append(each)
    return possible, [f"{count} cannot be redriven: {reason}" for reason, count in left_out.items()]


def conflicts(log: TopicLog, chosen: Sequence[DeadLetter], known: Sequence[DeadLetter]) -> tuple[list[str], list[str]]:
    """Return the keys of which the consumer has applied later events, and notes on what was not looked at.

    *known*: all letters, whatever became of them: what failed was not applied.
    """
    failed = {(each.letter.consumer, each.letter.topic, each.letter.partition, each.letter.offset) for each in known}
    earliest: dict[tuple[str, str, int], dict[bytes, int]] = {}
    for each in chosen:
        letter = each.letter
        if each.key is not None and letter.consumer and letter.topic and None not in {letter.partition, letter.offset}:
            keys = earliest.setdefault((letter.consumer, letter.topic, letter.partition or 0), {})
            keys[each.key] = min(letter.offset or 0, keys.get(each.key, letter.offset or 0))
    found: dict[str, None] = {}
    notes: list[str] = []
    left = MOST_LATER
    for (group, topic, partition), keys in earliest.items():
        end = groups.committed([group])[group].get((topic, partition), 0)
        available = log.ranges(topic).get(partition, range(0))
        later = range(max(min(keys.values()) + 1, available.start), min(end, available.stop))
        if len(later) > left:
            notes.append(f"Conflicts were looked for in {left} later events of {topic}, partition {partition}, only.")
            later = later[:left]
        left -= len(later)
        for record in log.read(topic, partition, later.start, later.stop) if later else ():
            if (
                record.key in keys
                and record.offset > keys[record.key]
                and (group, topic, partition, record.offset) not in failed
            ):
                found[f"{topic} {record.key.decode(errors='replace')}"] = None
    return list(found), notes


def plan_of(chosen: Sequence[DeadLetter], until: str) -> Plan:
    plan = Plan(until)
    for each in chosen:
        letter = each.letter
        cause = f"{letter.fingerprint or 'unknown'} {letter.error_class or ''}".strip()
        plan.add(
            topic=letter.topic or each.place.topic,
            type=each.type,
            key=each.key,
            timestamp=each.place.timestamp,
            cause=cause,
        )
    return plan


def _refusal(each: DeadLetter, oldest: float) -> str | None:
    letter = each.letter
    consumer = consumers.of_group(letter.consumer)
    if letter.topic is None or letter.partition is None or letter.offset is None:
        return "it is unknown where they come from"
    if not consumers.of_topic(letter.topic):
        return f"{letter.topic} is no topic that this application reads"
    if letter.consumer is None:
        return "it is unknown which consumer failed"
    if consumer and not consumer.idempotent_without_inbox and (letter.timestamp or oldest) < oldest:
        return f"they are older than LONGEST_REDRIVE_AGE_DAYS, and {consumer.name} needs its inbox"
    return None


def _marks(letter: Letter, task_id: UUID) -> dict[str, str]:
    return {
        markers.REDRIVE_ID: str(task_id),
        markers.REDRIVE_COUNT: str(letter.redrive_count + 1),
        markers.REDRIVE_PARTITION: str(letter.first_partition),
        markers.REDRIVE_OFFSET: str(letter.first_offset),
        markers.FOR_CONSUMER: letter.consumer or "",
    }
