"""Invoked by `./millrace events archive --verify`: compare the archive with the topics, byte for byte.

Only what both have can be compared: topics delete their records after a time. Each part is one file. The result has the
findings by topic.
"""

from collections.abc import Iterator

from msgspec import Struct

from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from operations import archiving
from operations.archive import Archive
from operations.archive_bucket import Bucket
from operations.archive_files import File
from operations.commands import VerifyArchive
from operations.verification import Comparison, Findings


class Place(Struct, frozen=True):
    """*file*: the last one that was compared. *findings*: by topic; those with a later topic are still to be begun."""

    file: File
    findings: dict[str, Findings]


@operation(VerifyArchive, cursor=Place, part_seconds=archiving.PART_SECONDS)
def handler(command: VerifyArchive, run: Run[Place]) -> Iterator[Progress[Place]]:
    """Files that are written after the beginning may be left out."""
    last, findings = (run.cursor.file, run.cursor.findings) if run.cursor else (None, {})
    done, total = run.done, run.total
    with Bucket.from_environment() as bucket, TopicLog() as log:
        topics = sorted(set(command.topic)) or Archive(bucket).topics()
        if total is None:
            total = sum(len(Comparison(log, bucket, topic).files()) for topic in topics)
        for topic in topics:
            if last and topic < last.topic:
                continue
            comparison = Comparison(log, bucket, topic)
            if topic not in findings:
                findings = {**findings, topic: comparison.topic()}
            for file in comparison.files():
                if last and file <= last:
                    continue
                findings = {**findings, topic: findings[topic] + comparison.file(file)}
                done += 1
                yield Progress(done, max(done, total), Place(file, findings), findings)
    yield Progress(done, done, None, findings)
