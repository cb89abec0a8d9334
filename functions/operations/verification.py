"""Comparing the archive with a topic: the same records, byte for byte, wherever both have the offset."""

import contextlib
from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import Struct

from kernel.errors import ConflictError, NotFoundError
from kernel.messaging.log_record import LogRecord
from kernel.messaging.topic_log import OffsetsGoneError, TopicLog
from operations import archive_files
from operations.archive import Archive
from operations.archive_bucket import Bucket
from operations.archive_files import File

MOST_EXAMPLES = 10
ATTEMPTS = 3


class Findings(Struct, frozen=True):
    """What a comparison found.

    *archived*: records in the archive. *same*: those of them that the topic has too.
    *deleted*: only the archive has them, because retention or compaction deleted them from the topic.
    *differing*: the topic has another record at the offset. *missing*: only the topic has one.
    *doubled*: the archive has the offset before. *misplaced*: the record is in another's file.
    *absent*: ranges of offsets without a file, or with one that ends early.
    *gaps*: what retention deleted before it was archived. *acknowledged*: such gaps that an operator has accepted.
    *another*: the topic was deleted, or another one has its name.
    *examples*: the first faults, with their places.
    """

    archived: int = 0
    same: int = 0
    deleted: int = 0
    differing: int = 0
    missing: int = 0
    doubled: int = 0
    misplaced: int = 0
    absent: int = 0
    gaps: int = 0
    acknowledged: int = 0
    another: int = 0
    examples: list[str] = []

    def __add__(self, other: "Findings") -> "Findings":
        counts = {name: getattr(self, name) + getattr(other, name) for name in COUNTS}
        return Findings(**counts, examples=[*self.examples, *other.examples][:MOST_EXAMPLES])


COUNTS = tuple(name for name in Findings.__struct_fields__ if name != "examples")
SOUND = frozenset({"archived", "same", "deleted", "acknowledged"})


def compare(archived: Iterable[LogRecord], live: Iterator[LogRecord], file: File, covered: range) -> Findings:
    """Compare the records of *file* with the topic's. *covered*: the offsets that the file has."""
    counts, examples = Counter[str](), list[str]()
    for kind, record in _pairs(archived, live, file, covered):
        counts[kind] += 1
        if kind not in SOUND and len(examples) < MOST_EXAMPLES:
            examples.append(f"{kind}: {record.topic}, partition {record.partition}, offset {record.offset}, {file.key}")
    return Findings(**counts, examples=examples)


def _pairs(
    archived: Iterable[LogRecord], live: Iterator[LogRecord], file: File, covered: range
) -> Iterator[tuple[str, LogRecord]]:
    last, expected = covered.start - 1, next(live, None)
    for record in archived:
        yield "archived", record
        if (record.topic, record.partition) != (file.topic, file.partition) or record.offset not in covered:
            yield "misplaced", record
            continue
        if record.offset <= last:
            yield "doubled", record
            continue
        last = record.offset
        while expected and expected.offset < record.offset:
            yield "missing", expected
            expected = next(live, None)
        if expected is None or expected.offset > record.offset:
            yield "deleted", record
            continue
        yield ("same" if expected == record else "differing"), record
        expected = next(live, None)
    while expected:
        yield "missing", expected
        expected = next(live, None)


class Comparison:
    """The comparison of one topic with its archive, file by file."""

    def __init__(self, log: TopicLog, bucket: Bucket, topic: str) -> None:
        self._log = log
        self._bucket = bucket
        self._archive = Archive(bucket)
        self._topic = topic
        self._archived = self._archive.ranges(topic)
        self._gaps = self._archive.gaps(topic)
        positions = bucket.positions(topic)
        self._topic_id = positions[0].topic_id if positions else None

    def files(self) -> list[File]:
        """Return every file that there should be, by partition and offset."""
        return [
            File(self._topic, partition, first)
            for partition, offsets in sorted(self._archived.items())
            for first in range(
                File.at(self._topic, partition, offsets.start).first, offsets.stop, archive_files.FILE_OFFSETS
            )
        ]

    def topic(self) -> Findings:
        """Return what is to be told of the topic as a whole."""
        lost = [gap for gap in self._gaps if gap.acknowledged is None]
        texts = [f"gap: {self._topic}, partition {gap.partition}, offsets {gap.first} to {gap.last}" for gap in lost]
        another = self._available() is None
        texts += [f"another: {self._topic} is no longer the topic that was archived"] * another
        acknowledged = len(self._gaps) - len(lost)
        return Findings(gaps=len(lost), acknowledged=acknowledged, another=int(another), examples=texts)

    def file(self, file: File) -> Findings:
        """Return what is wrong with *file*. Raises ConflictError if the topic deletes records all the time."""
        about = self._bucket.describe(file)
        covered = range(about.first_offset, about.next_offset) if about else range(0)
        absent = self._absence(file, covered)
        if about is None:
            return absent
        for _ in range(ATTEMPTS):
            available = (self._available() or {}).get(file.partition, range(0))
            start, end = max(covered.start, available.start), min(covered.stop, available.stop)
            with contextlib.suppress(OffsetsGoneError):
                live = self._log.read(self._topic, file.partition, start, end) if start < end else iter(())
                return absent + compare(self._archive.records(file), live, file, covered)
        message = f"{self._topic} deletes its records faster than they are compared. Try again later."
        raise ConflictError(message)

    def _absence(self, file: File, covered: range) -> Findings:
        """Return whether offsets of *file* are not archived, though no gap explains it."""
        archived = self._archived[file.partition]
        offset, end = max(file.first, archived.start), min(file.end, archived.stop)
        for known in sorted([covered, *self._lost(file.partition)], key=lambda each: each.start):
            offset = max(offset, known.stop) if known.start <= offset else offset
        text = f"absent: {self._topic}, partition {file.partition}, offsets {offset} to {end - 1}, {file.key}"
        return Findings(absent=1, examples=[text]) if offset < end else Findings()

    def _lost(self, partition: int) -> list[range]:
        return [range(gap.first, gap.last + 1) for gap in self._gaps if gap.partition == partition]

    def _available(self) -> dict[int, range] | None:
        """Return the offsets of the topic, or None if it is gone or is another one than the archive's."""
        try:
            is_same = self._topic_id in {None, self._log.identity(self._topic)}
            return self._log.ranges(self._topic) if is_same else None
        except NotFoundError:
            return None
