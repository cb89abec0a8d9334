"""Reading the archive: what it has of a topic, and the records themselves, file by file."""

import contextlib
import gzip
import zlib
from collections.abc import Iterator

from kernel.errors import ConflictError, InvalidError, NotFoundError
from kernel.messaging import envelope
from kernel.messaging.log_record import LogRecord
from operations.archive_bucket import Bucket, Description, errors_named
from operations.archive_files import File, Gap

DAMAGES = (InvalidError, EOFError, gzip.BadGzipFile, zlib.error)


class Archive:
    """The archive, for reading. Raises UnavailableError if S3 refuses or does not answer."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def topics(self) -> list[str]:
        return self._bucket.topics()

    def ranges(self, topic: str) -> dict[int, range]:
        """Return for each partition the offsets that are archived, those in gaps included.

        Raises NotFoundError if nothing is.
        """
        ends: dict[int, tuple[File, File]] = {}
        for file in self._bucket.files(topic):
            ends[file.partition] = (ends.get(file.partition, (file, file))[0], file)
        if not ends:
            message = f"Nothing of {topic} is archived. Archived are: {', '.join(self.topics()) or 'no topics'}."
            raise NotFoundError(message)
        return {
            partition: range(self._describe(first).first_offset, self._describe(last).next_offset)
            for partition, (first, last) in ends.items()
        }

    def gaps(self, topic: str) -> list[Gap]:
        """Return what the topic deleted before it was archived."""
        found = self._bucket.positions(topic)
        return found[0].gaps if found else []

    def read(self, topic: str, partition: int, start: int, end: int) -> Iterator[LogRecord]:
        """Yield the records from offset *start* to before *end*, in order. Offsets without a record are left out.

        `gaps` says which of them were lost. Raises ConflictError if a file that should be there is not.
        """
        gaps = [each for each in self.gaps(topic) if each.partition == partition]
        offset = start
        while offset < end:
            file = File.at(topic, partition, offset)
            about = self._bucket.describe(file)
            if about and about.first_offset <= offset < about.next_offset:
                yield from (each for each in self.records(file) if offset <= each.offset < end)
                offset = about.next_offset
            elif gap := next((each for each in gaps if each.first <= offset <= each.last), None):
                offset = gap.last + 1
            else:
                message = f"{topic}, partition {partition}: offset {offset} is not in the archive."
                raise ConflictError(message)

    def read_between(self, topic: str, partition: int, since: int, until: int) -> Iterator[LogRecord]:
        """Yield the records with a timestamp from *since* to before *until* (milliseconds), by offset."""
        for file in self._bucket.files(topic, partition):
            about = self._describe(file)
            if about.oldest is None or about.newest is None or about.newest < since or about.oldest >= until:
                continue
            yield from (each for each in self.records(file) if since <= each.timestamp < until)

    def records(self, file: File) -> Iterator[LogRecord]:
        """Yield all records of *file*, as they are in it. Raises ConflictError for a line that is no record's."""
        opened = self._bucket.open(file)
        if opened is None:
            message = f"{file.key} is no longer there."
            raise ConflictError(message)
        number = 0
        with errors_named(), contextlib.closing(opened[1]) as body, gzip.GzipFile(fileobj=body) as lines:
            try:
                for number, line in enumerate(lines, 1):  # noqa: B007 - for the message
                    yield envelope.decode(line)
            except DAMAGES as error:
                message = f"{file.key}, line {number}: {error}"
                raise ConflictError(message) from error

    def _describe(self, file: File) -> Description:
        found = self._bucket.describe(file)
        if found is None:
            message = f"{file.key} is no longer there."
            raise ConflictError(message)
        return found
