"""The replay of events: what is published, for whom, and what must not be."""

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

from kernel.errors import ConflictError, FieldProblem, InvalidError, refuse_fields
from kernel.messaging import markers, retention
from kernel.messaging.kafka import Copy
from kernel.messaging.log_record import LogHeader, LogRecord
from kernel.messaging.retention import TopicRetention
from kernel.storage.database import Connection
from operations import consumers, topics
from operations.commands import ReplayEvents
from operations.consumers import Consumer
from operations.driving import Batch
from operations.selection import Choice
from operations.sources import Ranges, Reading, Source

type Place = dict[str, list[int]]

REPLACED = {markers.REPLAY_ID, markers.REPLAY_EFFECTS, markers.FOR_CONSUMER, markers.DERIVED_ID}


class Replay:
    """The job of a replay (`driving.Job`). Its place has what is left of each partition, as first and end offset.

    *partitions*: how many the target has; a record keeps its partition if there is such a one.
    """

    header = markers.REPLAY_ID

    def __init__(self, command: ReplayEvents, source: Source, partitions: int, task_id: str = "") -> None:
        self.command = command
        self.target = command.to or command.topic
        self.topics: Sequence[str] = (self.target,)
        self.consumers: Sequence[Consumer] = addressees(command)
        self.source = source
        self.partitions = partitions
        self.choice = Choice(command)
        self._marks = list(_marks(command, task_id, self.consumers))
        self._records: Iterator[LogRecord] | None = None
        self._unsettled: deque[LogRecord] = deque()

    def read(self, _connection: Connection, place: Place, most: int) -> Batch:
        """Return the next chosen records. A token is the partition and the offset after the record.

        What Kafka did not acknowledge comes again: a publication may take the beginning of a batch alone.
        """
        if self._records is None:
            self._records = filter(self.choice.has, Reading(self.source, ranges_of(place)).records())
        self._unsettled.extend(islice(self._records, max(0, most - len(self._unsettled))))
        records = list(islice(self._unsettled, most))
        return Batch([self._message(each) for each in records], [(each.partition, each.offset + 1) for each in records])

    def settle(self, _connection: Connection, place: Place, tokens: Sequence[Any]) -> Place:
        """Return the place after *tokens*, which are the first ones of what was read."""
        settled = dict(place)
        for partition, next_offset in tokens:
            self._unsettled.popleft()
            settled[str(partition)] = [next_offset, place[str(partition)][1]]
        return settled

    def _message(self, record: LogRecord) -> Copy:
        headers: list[LogHeader] = [each for each in record.headers if each[0] not in REPLACED]
        keeps = self.source.keeps_partitions and record.partition < self.partitions
        return Copy(self.target, record.key, headers + self._marks, record.value, record.partition if keeps else None)


def require_topics(command: ReplayEvents) -> None:
    """Raise InvalidError for a topic that is none of the application's, and for dead letters, which are redriven."""
    letters = {each.dead_letter_topic for each in consumers.consumers()}
    known = [each for each in topics.names() if each not in letters]
    problems = []
    for name, topic in (("topic", command.topic), ("to", command.to)):
        if topic in letters:
            problems.append(FieldProblem(name, "has dead letters: ./millrace dead-letters redrive takes them"))
        elif topic is not None and topic not in known:
            problems.append(FieldProblem(name, f"is none of the application's topics: {', '.join(known)}"))
    refuse_fields(problems)


def addressees(command: ReplayEvents) -> list[Consumer]:
    """Return the consumers that apply the replay. Raises InvalidError for a consumer that reads another topic."""
    target = command.to or command.topic
    reading = consumers.of_topic(target)
    if command.consumer is None:
        return [each for each in reading if command.with_effects or not each.ignores_replays]
    for each in reading:
        if each.name == command.consumer:
            if each.ignores_replays and not command.with_effects:
                told = (
                    "ignores replays, because it sends e-mails or moves money: give --with-effects, or choose another"
                )
                refuse_fields([FieldProblem("consumer", told)])
            return [each]
    known = ", ".join(each.name for each in reading) or "nobody"
    refuse_fields([FieldProblem("consumer", f"does not read {target}; {known} does")])
    raise InvalidError(command.consumer)


def require_remembered(
    several: Sequence[Consumer], topic: TopicRetention, inbox: timedelta, oldest: int | None
) -> None:
    """Raise ConflictError if a consumer's inbox may have forgotten that it has applied the events.

    *topic*: to which they are published.
    *oldest*: the timestamp of the oldest event, in milliseconds.
    """
    age = datetime.now(UTC) - datetime.fromtimestamp((oldest or 0) / 1000, UTC)
    if oldest is None or retention.outlasts(inbox, topic, age):
        return
    if forgetful := [each.name for each in several if not each.idempotent_without_inbox]:
        message = (
            f"The oldest of these events is {age.days} days old, and {', '.join(forgetful)} would apply it twice: an inbox "
            f"remembers {inbox.days} days. Choose younger ones with --since, or with --consumer one that is idempotent, "
            "or rebuild the projection instead."
        )
        raise ConflictError(message)


def require_known_ids(several: Sequence[Consumer], derived_ids: int) -> None:
    """Raise ConflictError if a consumer would apply events twice because their ids are not those that it knows.

    *derived_ids*: how many events have such an id.
    """
    if derived_ids and (forgetful := [each.name for each in several if not each.idempotent_without_inbox]):
        message = (
            f"{derived_ids} of these events were published before their ids were kept. They have ids derived from order "
            f"and version, which no inbox knows, so {', '.join(forgetful)} would apply them twice. Choose younger events "
            "with --since, or with --consumer one that is idempotent without its inbox."
        )
        raise ConflictError(message)


def has_derived_id(record: LogRecord) -> bool:
    return any(name == markers.DERIVED_ID for name, _ in record.headers)


def place_of(ranges: Ranges) -> Place:
    return {str(number): [offsets.start, offsets.stop] for number, offsets in ranges.items()}


def ranges_of(place: Place) -> Ranges:
    return {int(number): range(*offsets) for number, offsets in place.items()}


def _marks(command: ReplayEvents, task_id: str, several: Sequence[Consumer]) -> Iterator[LogHeader]:
    yield markers.REPLAY_ID, task_id.encode()
    if command.with_effects:
        yield markers.REPLAY_EFFECTS, markers.ALL_EFFECTS.encode()
    if command.consumer is not None:
        yield from ((markers.FOR_CONSUMER, each.group.encode()) for each in several)
