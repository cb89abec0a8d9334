"""What a search for events reads and takes: the options of `event_commands.FindEvents`."""

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import structs

from kernel import ids
from kernel.errors import FieldProblem, refuse_fields
from kernel.messaging.log_record import LogRecord
from kernel.messaging.topic_log import TopicLog
from operations import sources, topics
from operations.archive import Archive
from operations.archive_bucket import Bucket
from operations.event_commands import FindEvents
from operations.searching import Left, Log
from operations.selection import Choice, refuse_group

# A record's timestamp is its producer's: a record with an earlier one may follow, but hardly by more.
DISORDER = timedelta(hours=1)
# An id is made before its event is published, by another clock.
EARLIER = timedelta(minutes=1)
END = "end"
_POSITIONS = re.compile(r"\d{1,5}:\d{1,18}(,\d{1,5}:\d{1,18})*")


class _Bare(msgspec.Struct, rename="camel"):
    event_id: str | None = None


_bare = msgspec.json.Decoder(_Bare)


class Wanted:
    """The records that *command* chooses. Raises InvalidError for options that are wrong, or contradict each other."""

    def __init__(self, command: FindEvents) -> None:
        refuse_group(command)
        _check(command)
        self._choice = Choice(structs.replace(command, since=_since(command)))
        self._id = command.id and command.id.encode()
        self._correlation = command.correlation and command.correlation.encode()

    def has(self, record: LogRecord) -> bool:
        return (
            (self._id is None or _id_of(record) == self._id)
            and (self._correlation is None or ("ce_correlationid", self._correlation) in record.headers)
            and self._choice.has(record)
        )


@contextlib.contextmanager
def opened(command: FindEvents) -> Iterator[Log]:
    """Open the topics, or the archive."""
    if command.source == "archive":
        with Bucket.from_environment() as bucket:
            yield Archive(bucket)
    else:
        with TopicLog() as log:
            yield log


def chosen(command: FindEvents, log: Log) -> Left:
    """Return the offsets to read, by topic and partition."""
    found: Left = {}
    for topic in _topics(command, log):
        ranges = log.ranges(topic)
        if command.offsets is not None:
            ranges = sources.narrowed(ranges, command.offsets)
        elif command.after is not None:
            ranges = _after(ranges, command.after)
        for number, offsets in _narrowed_by_time(command, log, topic, ranges).items():
            found[f"{topic}/{number}"] = [offsets.start, offsets.stop]
    return found


def ends(command: FindEvents, log: Log) -> dict[str, int]:
    """Return where a later search may go on, by partition: for one topic alone."""
    if command.topic is None:
        return {}
    return {str(number): offsets.stop for number, offsets in log.ranges(command.topic).items()}


def positions(places: Mapping[str, int]) -> str | None:
    """Return *places* as the option `after` takes them."""
    return ",".join(f"{number}:{offset}" for number, offset in places.items()) or None


def _check(command: FindEvents) -> None:
    known = topics.names()
    problems = []
    if command.topic is not None and command.topic not in known:
        problems.append(FieldProblem("topic", f"is none of the application's: {', '.join(known)}"))
    if command.topic is not None and command.dead_letters:
        problems.append(FieldProblem("dead_letters", "is of no use with a topic: name the dead-letter topic itself"))
    if command.topic is None:
        given = (name for name in ("offsets", "after") if getattr(command, name) is not None)
        problems += [FieldProblem(name, "needs the topic") for name in given]
    if command.after is not None and command.offsets is not None:
        problems.append(FieldProblem("after", "contradicts offsets: give one of them"))
    if command.after not in {None, END} and not _POSITIONS.fullmatch(command.after or ""):
        problems.append(FieldProblem("after", f"must be {END}, or positions by partition, e.g. 0:100,1:95"))
    refuse_fields(problems)


def _topics(command: FindEvents, log: Log) -> list[str]:
    if command.topic is not None:
        return [command.topic]
    present = log.topics()
    return [each for each in (topics.names() if command.dead_letters else topics.events()) if each in present]


def _after(ranges: sources.Ranges, text: str) -> sources.Ranges:
    """Return what comes after the positions. What retention deleted since is left out; a new partition is read whole."""
    if text == END:
        return {number: range(offsets.stop, offsets.stop) for number, offsets in ranges.items()}
    given = {int(number): int(offset) for number, _, offset in (each.partition(":") for each in text.split(","))}
    return {
        number: range(max(given.get(number, 0), offsets.start), max(offsets.stop, offsets.start))
        for number, offsets in ranges.items()
    }


def _narrowed_by_time(command: FindEvents, log: Log, topic: str, ranges: sources.Ranges) -> sources.Ranges:
    """Return *ranges* without what was published before `since`, or long after `until`. The archive is read whole."""
    since, until = _since(command), command.until
    if not isinstance(log, TopicLog):
        return ranges
    first = log.offset_at(topic, round(since.timestamp() * 1000)) if since else {}
    last = log.offset_at(topic, round((until + DISORDER).timestamp() * 1000)) if until else {}
    return {
        number: range(max(offsets.start, first.get(number, 0)), min(offsets.stop, last.get(number, offsets.stop)))
        for number, offsets in ranges.items()
    }


def _since(command: FindEvents) -> datetime | None:
    made = ids.time_of(command.id) if command.id else None
    return command.since or (made - EARLIER if made else None)


def _id_of(record: LogRecord) -> bytes | None:
    """Return the event's id: of its header, otherwise of its value."""
    for name, value in record.headers:
        if name == "ce_id":
            return value
    try:
        found = _bare.decode(record.value or b"").event_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None if found is None else found.encode()
