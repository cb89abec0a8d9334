"""Where a replay reads its events: each source has partitions of records in the order of their offsets."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Protocol

from kernel.errors import FieldProblem, InvalidError, refuse_fields
from kernel.messaging import envelope
from kernel.messaging.log_record import LogRecord
from kernel.messaging.topic_log import TopicLog
from operations.archive import Archive
from operations.archive_bucket import Bucket

# As many offsets as a file of the archive has: each of its files is opened once.
CHUNK = 10_000
_OFFSETS = re.compile(r"(\d{1,5}):(\d{0,18})-(\d{0,18})")

type Ranges = dict[int, range]


class Source(Protocol):
    """Records of one topic.

    *keeps_partitions*: whether the partition of a record is that of its topic.
    """

    keeps_partitions: bool

    def ranges(self) -> Ranges:
        """Return the offsets that can be read, by partition."""
        ...

    def read(self, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        """Yield the records from offset *start* to before *end*, in order."""
        ...


class TopicSource:
    """A topic's own log, from its first available offset on."""

    keeps_partitions = True

    def __init__(self, log: TopicLog, topic: str) -> None:
        self.log = log
        self.topic = topic

    def ranges(self) -> Ranges:
        return self.log.ranges(self.topic)

    def read(self, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        return self.log.read(self.topic, partition, start, end)


class ArchiveSource:
    """A topic's archive."""

    keeps_partitions = True

    def __init__(self, archive: Archive, topic: str) -> None:
        self.archive = archive
        self.topic = topic

    def ranges(self) -> Ranges:
        return self.archive.ranges(self.topic)

    def read(self, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        return self.archive.read(self.topic, partition, start, end)


class FileSource:
    """An uploaded file of lines in the envelope of Lenses, as one partition: an offset is the number of a line."""

    keeps_partitions = False

    def __init__(self, bucket: Bucket, name: str) -> None:
        self.bucket = bucket
        self.name = name

    def ranges(self) -> Ranges:
        return {0: range(sum(1 for _ in self.bucket.read_upload(self.name)))}

    def read(self, _partition: int, start: int, end: int) -> Iterator[LogRecord]:
        for number, line in enumerate(islice(self.bucket.read_upload(self.name), start, end), start):
            try:
                yield envelope.decode(line)._replace(partition=0, offset=number)
            except InvalidError as error:
                message = f"Line {number + 1} of the file: {error}"
                raise InvalidError(message) from error


class Reading:
    """Read several partitions together, by the time of their records: about as they were published.

    *left*: what is still to be read, by partition.
    """

    def __init__(self, source: Source, left: Mapping[int, range]) -> None:
        self.source = source
        self.left = dict(left)
        self._buffers: dict[int, deque[LogRecord]] = {number: deque() for number in left}

    def records(self) -> Iterator[LogRecord]:
        """Yield the records. Each partition's are in the order of their offsets."""
        while True:
            for number, buffer in self._buffers.items():
                while not buffer and self.left[number]:
                    self._fill(number)
            filled = [buffer for buffer in self._buffers.values() if buffer]
            if not filled:
                return
            yield min(filled, key=lambda buffer: buffer[0].timestamp).popleft()

    def rest(self) -> Ranges:
        """Return what was not yielded yet, by partition."""
        return {
            number: range(self._buffers[number][0].offset if self._buffers[number] else left.start, left.stop)
            for number, left in self.left.items()
        }

    def _fill(self, number: int) -> None:
        """Read the next records. Offsets without a record are passed over."""
        left = self.left[number]
        end = min((left.start // CHUNK + 1) * CHUNK, left.stop)
        self._buffers[number].extend(islice(self.source.read(number, left.start, end), CHUNK))
        self.left[number] = range(end, left.stop)


def narrowed(available: Ranges, text: str | None) -> Ranges:
    """Return the ranges that *text* chooses of *available*: `partition:first-last`, with commas; open ends are allowed.

    Raises InvalidError for a text of another form, a partition that is absent, and offsets that are not there.
    """
    if text is None:
        return available
    found: Ranges = {}
    for part in text.split(","):
        matched = _OFFSETS.fullmatch(part.strip())
        if matched is None:
            refuse_fields([FieldProblem("offsets", f"{part!r} has not the form partition:first-last, e.g. 0:100-199")])
            raise InvalidError(part)
        number, first, last = (int(each) if each else None for each in matched.groups())
        known = available.get(number or 0)
        if known is None:
            refuse_fields([FieldProblem("offsets", f"there is no partition {number}; there are {sorted(available)}")])
            raise InvalidError(part)
        start, stop = known.start if first is None else first, known.stop if last is None else last + 1
        if start < known.start or stop > known.stop or start >= stop:
            told = f"{known.start} to {known.stop - 1}" if known else "none"
            refuse_fields([FieldProblem("offsets", f"partition {number} has the offsets {told}, not {part.strip()}")])
        found[number or 0] = range(start, stop)
    return found
