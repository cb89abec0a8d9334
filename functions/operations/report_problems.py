"""Invoked by an operator: report what is wrong in the databases, on the topics and in the archive.

Each check stands alone: what cannot be looked at is a problem of its own, and hides no other.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial

from msgspec import Struct

from kernel import settings
from kernel.messaging import topic_retention
from kernel.messaging.topic_log import TopicLog
from kernel.operations.operation import Run, operation
from kernel.operations.progress import Progress
from kernel.storage import database
from kernel.telemetry import logger
from operations import archive_gaps, consumers
from operations.archive_bucket import Bucket
from operations.commands import ReportProblems

PATIENCE_SECONDS = 120
"""So long may an event wait in an outbox: a relay that is killed is started again within a minute."""
GROWTH_SECONDS = 3600
COUNT = """
    SELECT count(*) FILTER (WHERE parked_at IS NULL),
        coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE parked_at IS NULL)), 0)::float8,
        count(*) FILTER (WHERE parked_at IS NOT NULL)
    FROM outbox WHERE published_at IS NULL OR parked_at IS NOT NULL
"""
SETTLED = """
    SELECT topic, partition, "offset" FROM letters WHERE topic = ANY(%s) AND state IN ('redriven', 'discarded', 'archived')
"""


class Found(Struct, frozen=True):
    """Something that is wrong. *command*: what mends it or shows more, without the options of a stage."""

    name: str
    reason: str
    command: str


type Check = Callable[[], Iterator[Found]]


@operation(ReportProblems)
def handler(_command: ReportProblems, _run: Run[None]) -> Iterator[Progress[None]]:
    found: list[Found] = []
    for name, check in _checks():
        try:
            found += check()
        except Exception as error:  # noqa: BLE001 - whatever it is, the others are looked at
            logger.warning("check failed", extra={"check": name, "error": type(error).__name__})
            reason = str(error).partition("\n")[0] or type(error).__name__
            found.append(Found(name, f"It cannot be looked at: {reason}", "./millrace mappings explain"))
    yield Progress(len(found), len(found), None, found)


def _checks() -> Iterator[tuple[str, Check]]:
    for domain in settings.names("DOMAINS"):
        yield f"database {domain}", partial(_database, domain)
    yield "dead letters", _dead_letters
    yield "retention", _retention
    yield "archive", _archive


def _database(domain: str) -> Iterator[Found]:
    """Look at a domain's outbox, and at the breakers of its consumers."""
    with database.transaction(domain, "ro") as connection:
        [(waiting, oldest, parked)] = connection.execute(COUNT).fetchall()
        breakers = connection.execute(
            "SELECT consumer, failures FROM breakers WHERE threshold > 0 AND failures >= threshold ORDER BY consumer"
        ).fetchall()
    if oldest > PATIENCE_SECONDS:
        reason = f"{waiting} events wait in its outbox, the oldest for {oldest:.0f} s: no relay publishes them."
        yield Found(f"outbox {domain}", reason, f"./millrace run {domain}.publish_events")
    if parked:
        reason = f"{parked} rows of its outbox are parked: no retry publishes them."
        yield Found(f"outbox {domain}", reason, f"./millrace outbox list --domain {domain}")
    for consumer, failures in breakers:
        reason = f"Its breaker is open after {failures} permanent failures in a row: its records are returned."
        yield Found(f"breaker {consumer}", reason, f"./millrace run operations.reset_breaker --consumer {consumer}")


def _dead_letters() -> Iterator[Found]:
    """Count the letters on each dead-letter topic that nobody has decided about, and those of the last hour."""
    topics = sorted({each.dead_letter_topic for each in consumers.consumers()})
    with database.transaction("operations", "ro") as connection:
        settled = connection.execute(SETTLED, (topics,)).fetchall()
    since = int((time.time() - GROWTH_SECONDS) * 1000)
    with TopicLog() as log:
        for topic in topics:
            ranges = log.ranges(topic)
            decided = sum(offset in ranges.get(number, ()) for name, number, offset in settled if name == topic)
            if waiting := sum(map(len, ranges.values())) - decided:
                grown = sum(ranges[number].stop - offset for number, offset in log.offset_at(topic, since).items())
                reason = f"{waiting} dead letters wait, {grown} of them or of those settled from the last hour."
                yield Found(topic, reason, f"./millrace dead-letters groups --topic {topic}")


def _retention() -> Iterator[Found]:
    for problem in topic_retention.problems(sorted({each.topic for each in consumers.consumers()})):
        yield Found(problem.topic, str(problem), "./millrace deploy")


def _archive() -> Iterator[Found]:
    with Bucket.from_environment() as bucket:
        for sentence in archive_gaps.unacknowledged(bucket, bucket.topics()):
            yield Found("archive", sentence, "./millrace events archive --verify")
