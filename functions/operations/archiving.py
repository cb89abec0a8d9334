"""Writing the archive: each step writes one file of one partition, and then the position.

A file tells by itself how far it reaches, and the position may lag behind: a run that was killed between the two writes
is followed by one that finds the file. A file is written whole, from what it had and what the topic has since.
"""

import gzip
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from msgspec import structs

from kernel.errors import ConflictError, UnavailableError
from kernel.messaging import envelope
from kernel.messaging.log_record import LogRecord
from kernel.messaging.topic_log import TopicLog
from operations.archive_bucket import Bucket, ChangedError, Description, errors_named
from operations.archive_files import File, Gap, Positions

# A step ends after so much of the topic, wherever in the file's range that is.
STEP_BYTES = 64_000_000
STEP_SECONDS = 20
MEMORY_BYTES = 16_000_000
ATTEMPTS = 5
# The position and the topic's own offsets are asked for by six requests at most.
PART_SECONDS = 100


class Step(NamedTuple):
    """What one step did. *next*: the partition's position after it."""

    next: int
    records: int = 0
    files: int = 0
    gaps: int = 0


class TopicArchive:
    """The archive of one topic, for writing. Every method raises ConflictError if it is the archive of another topic."""

    def __init__(self, log: TopicLog, bucket: Bucket, topic: str) -> None:
        self.topic = topic
        self._log = log
        self._bucket = bucket
        self._topic_id = log.identity(topic)
        self._read_positions()

    def pending(self) -> dict[int, range]:
        """Return the offsets of each partition that are not archived, where there are any."""
        available = self._log.ranges(self.topic)
        found = {number: range(self._position(number, each), each.stop) for number, each in available.items()}
        return {number: offsets for number, offsets in found.items() if offsets}

    def step(self, partition: int, end: int) -> Step:
        """Archive the next records of *partition*: of one file, and none from offset *end* on.

        Raises UnavailableError if another run is always faster.
        """
        for _ in range(ATTEMPTS):
            try:
                return self._step(partition, end)
            except ChangedError:
                self._read_positions()
        message = f"Other runs archive {self.topic}, partition {partition}, at the same time."
        raise UnavailableError(message)

    def _step(self, partition: int, end: int) -> Step:
        available = self._log.ranges(self.topic)[partition]
        position = self._position(partition, available)
        file = File.at(self.topic, partition, position)
        had = self._bucket.describe(file)
        if had and had.next_offset > position:
            return self._moved(partition, Step(had.next_offset))
        if available.start > position:
            gap = Gap(partition, position, available.start - 1, datetime.now(UTC).isoformat(timespec="seconds"))
            return self._moved(partition, Step(available.start, gaps=1), gap)
        if position >= end:
            return Step(position)
        if had and had.next_offset < position and position not in {gap.last + 1 for gap in self._positions.gaps}:
            message = (
                f"{file.key} ends before offset {had.next_offset}, and {position - 1} had been archived. Restore it."
            )
            raise ConflictError(message)
        # Without its object, a file that was begun is written again from what the topic still has of it.
        start = position if had else max(file.first, available.start)
        return self._moved(partition, self._write(file, range(start, min(file.end, end)), had))

    def _write(self, file: File, offsets: range, had: Description | None) -> Step:
        content = _Content(had or Description("", offsets.start, offsets.start, 0, None, None))
        with tempfile.SpooledTemporaryFile(MEMORY_BYTES) as spool:
            with gzip.GzipFile("", "wb", 6, spool, mtime=0) as compressed:
                if had:
                    self._copy(file, had, compressed)
                content.add(self._log.read(self.topic, file.partition, offsets.start, offsets.stop), compressed)
            spool.seek(0)
            written = content.describe(offsets.stop)
            self._bucket.write(file, spool, written)
        return Step(written.next_offset, written.records - (had.records if had else 0), files=1)

    def _copy(self, file: File, had: Description, to: gzip.GzipFile) -> None:
        opened = self._bucket.open(file)
        if opened is None or opened[0].etag != had.etag:
            raise ChangedError
        with errors_named(), gzip.GzipFile(fileobj=opened[1]) as content:
            shutil.copyfileobj(content, to)

    def _position(self, partition: int, available: range) -> int:
        """Return the first offset that is not archived, as far as the positions tell."""
        position = self._positions.next.get(partition)
        if position is None and available:
            position = self._archived_without_position(partition)
        if position is None:
            return available.start
        if position > available.stop:
            reason = f"partition {partition} is archived up to offset {position} and ends at {available.stop}"
            raise _another(self.topic, reason)
        return position

    def _archived_without_position(self, partition: int) -> int | None:
        files = self._bucket.files(self.topic, partition)
        last = self._bucket.describe(files[-1]) if files else None
        return last and last.next_offset

    def _read_positions(self) -> None:
        self._positions, self._etag = self._bucket.positions(self.topic) or (Positions(self._topic_id), "")
        if self._positions.topic_id != self._topic_id:
            reason = f"the archive is of the topic {self._positions.topic_id}, which is now {self._topic_id}"
            raise _another(self.topic, reason)

    def _moved(self, partition: int, step: Step, gap: Gap | None = None) -> Step:
        """Keep the position after *step*, and the *gap* before it, in one write. Raises ChangedError."""
        known = self._positions
        gaps = [*known.gaps, gap] if gap else known.gaps
        moved = structs.replace(known, next=known.next | {partition: step.next}, gaps=gaps)
        self._etag = self._bucket.write_positions(self.topic, moved, self._etag)
        self._positions = moved
        return step


class _Content:
    """Counts what goes into a file."""

    def __init__(self, had: Description) -> None:
        self._had = had
        self._next: int | None = None
        self._records = had.records
        self._oldest = had.oldest
        self._newest = had.newest

    def add(self, records: Iterator[LogRecord], to: gzip.GzipFile) -> None:
        """Write *records* as lines, until all are written or the step has to end."""
        size, until = 0, time.monotonic() + STEP_SECONDS
        for record in records:
            line = envelope.encode(record)
            to.write(line + b"\n")
            size += len(line)
            self._records += 1
            self._oldest = record.timestamp if self._oldest is None else min(self._oldest, record.timestamp)
            self._newest = record.timestamp if self._newest is None else max(self._newest, record.timestamp)
            if size >= STEP_BYTES or time.monotonic() >= until:
                self._next = record.offset + 1
                return

    def describe(self, end: int) -> Description:
        return self._had._replace(
            next_offset=end if self._next is None else self._next,
            records=self._records,
            oldest=self._oldest,
            newest=self._newest,
        )


def _another(topic: str, reason: str) -> ConflictError:
    message = (
        f"{topic} was deleted and created again, or has lost records: {reason}. Nothing more of it is archived. Move its "
        f"objects in the bucket away (topics/{topic}/ and positions/{topic}.json): a new archive begins."
    )
    return ConflictError(message)
