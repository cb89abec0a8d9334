"""Read dead letters from their topics: which there are, what became of them, and in which order they are redriven."""

from collections.abc import Collection, Iterable
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from kernel.errors import FieldProblem, InvalidError, NotFoundError, refuse_fields
from kernel.messaging import foreign_dead_letters
from kernel.messaging.foreign_dead_letters import Letter
from kernel.messaging.log_record import LogRecord
from kernel.messaging.topic_log import TopicLog
from operations import consumers, letter_store
from operations.commands import LetterState, Selection
from operations.database import transaction
from operations.letter_store import Place
from operations.selection import Choice, type_of


class DeadLetter(NamedTuple):
    """A dead letter without its value, of which there may be many.

    *type*: of the event in it, if it says so.
    *state*: what became of it.
    *chosen*: whether the command's selection has it.
    """

    place: Place
    letter: Letter
    key: bytes | None
    type: str | None
    size: int
    state: LetterState
    chosen: bool

    @property
    def name(self) -> str:
        """Return the place as operators write it."""
        return f"{self.place.topic}:{self.place.partition}:{self.place.offset}"

    @property
    def turn(self) -> tuple[str, int, int, Place]:
        """Return by what letters are sorted for a redrive: no later one of a key comes before an earlier one."""
        letter = self.letter
        return letter.topic or "", letter.first_partition or 0, letter.first_offset or 0, self.place


class Wanted(NamedTuple):
    """Which letters are meant.

    *max_redrives*: after so many redrives a letter is parked.
    *letter*: only the one at this place (`topic:partition:offset`).
    """

    selection: Selection
    max_redrives: int
    letter: str | None = None


def read_all(log: TopicLog, wanted: Wanted) -> list[DeadLetter]:
    """Return every letter on the topics that are meant, chosen or not, in the order in which they are redriven.

    A letter that the relay published twice is one letter: the first.
    """
    topics = _topics(wanted)
    with transaction() as connection:
        known = letter_store.fates(connection, topics)
    found = dict[UUID | Place, DeadLetter]()
    choice, only = Choice(wanted.selection), None if wanted.letter is None else parse(wanted.letter)
    for topic in topics:
        for record in log.read_all(topic, log.ranges(topic)):
            place, letter = _place(record), foreign_dead_letters.read(record)
            is_meant = only in {None, place[:3]} and wanted.selection.group in {None, letter.fingerprint}
            state = _state(known.get(place), letter, wanted.max_redrives)
            size, chosen = len(record.value or b""), is_meant and choice.has(record)
            each = DeadLetter(place, letter, record.key, type_of(record), size, state, chosen)
            found.setdefault(letter.id or place, each)
    return sorted(found.values(), key=lambda each: each.turn)


def chosen_in(found: Iterable[DeadLetter], state: LetterState, most: int | None) -> list[DeadLetter]:
    """Return the chosen ones of *found* in *state*: the first *most*."""
    return list(islice((each for each in found if each.chosen and state in {"all", each.state}), most))


def read_at(log: TopicLog, places: Collection[Place]) -> dict[Place, LogRecord]:
    """Return the records at *places*. Those that the topic no longer has are missing."""
    found: dict[Place, LogRecord] = {}
    for topic in {each.topic for each in places}:
        available = log.ranges(topic)
        for partition in {each.partition for each in places if each.topic == topic}:
            offsets = sorted(each.offset for each in places if (each.topic, each.partition) == (topic, partition))
            start = max(offsets[0], available[partition].start)
            end = min(offsets[-1] + 1, available[partition].stop)
            for record in log.read(topic, partition, start, end) if start < end else ():
                place = _place(record)
                if place in places:
                    found[place] = record
    return found


def read_one(log: TopicLog, name: str) -> LogRecord:
    """Return the record of the letter at *name* (`topic:partition:offset`).

    Raises InvalidError for a name of another form, NotFoundError where there is no record.
    """
    topic, partition, offset = parse(name)
    available = log.ranges(topic).get(partition, range(0))
    if offset in available:
        for record in log.read(topic, partition, offset, offset + 1):
            return record
    message = (
        f"There is no record at {name}. Partition {partition} has the offsets {available.start} to {available.stop}."
    )
    raise NotFoundError(message)


def parse(name: str) -> tuple[str, int, int]:
    """Return topic, partition and offset of *name*. Raises InvalidError if it has another form."""
    topic, *numbers = name.split(":")
    if topic and len(numbers) == 2 and all(each.isascii() and each.isdecimal() for each in numbers):  # noqa: PLR2004 - as below
        return topic, int(numbers[0]), int(numbers[1])
    refuse_fields(
        [FieldProblem("letter", "has not the form topic:partition:offset, e.g. order-events-payments-dlq:0:17")]
    )
    raise InvalidError(name)


def _topics(wanted: Wanted) -> list[str]:
    """Return the dead-letter topics to read: of all consumers, of those of a topic, or the one that is named."""
    if wanted.letter is not None:
        return [parse(wanted.letter)[0]]
    topic = wanted.selection.topic
    if topic is None:
        return sorted({each.dead_letter_topic for each in consumers.consumers()})
    return sorted({each.dead_letter_topic for each in consumers.of_topic(topic)}) or [topic]


def _state(known: letter_store.Fate | None, letter: Letter, max_redrives: int) -> LetterState:
    if known is not None:
        return known
    return "parked" if letter.redrive_count >= max_redrives else "waiting"


def _place(record: LogRecord) -> Place:
    return Place(record.topic, record.partition, record.offset, record.timestamp)
