"""The relay: publishes a domain's outbox, in order per aggregate, at least once.

Aggregates are hashed into *buckets*. In one transaction the relay locks the buckets that no other relay holds, reads
their unpublished rows in the order of their ids, publishes them, and marks them.

* Relays may overlap without reordering an aggregate.
* A killed relay leaves rows unmarked, and they are published again.
* Rows are selected by `published_at IS NULL`, not by a position, so a transaction that commits late is still picked up.

No row is sent while an older one of its bucket is unsettled: a transaction publishes one batch of limited bytes
(`kernel.messaging.kafka`), and after a failure the next one starts with the oldest row again. A row may be repeated on
the wire, but none is first seen after a younger one of its aggregate.
"""

import contextlib
import random
import time
from collections.abc import Iterator
from typing import NamedTuple

import psycopg
from kafka.errors import KafkaError
from msgspec import Struct

from kernel import domains, settings, telemetry
from kernel.messaging import kafka, pruning, unpublished
from kernel.messaging.unpublished import Row
from kernel.operations.operation import Operation, Run, operation
from kernel.operations.progress import Progress
from kernel.storage import database
from kernel.storage.database import Connection
from kernel.telemetry import logger

# Half the buckets at a time: the other half is free for another relay.
HALVES = (list(range(8)), list(range(8, 16)))
SWEEP_SECONDS = 1.0
ABSENT_TOPIC_SECONDS = 10.0
# Longer than any transaction of a relay or a request.
SETTLING_SECONDS = 120
# Limits how long a new event may wait for deletions. Their last part may exceed it.
DELETION_SECONDS = 0.2
FORGETTING_ROWS = 1_000
LONGEST_BACKOFF_SECONDS = 5.0
RESERVE_SECONDS = kafka.LONGEST_SEND_SECONDS + 2 * kafka.CLOSE_SECONDS + 3


class Summary(NamedTuple):
    """Counts of one run. *parked*: rows that can never be published; they stay in the table with the reason."""

    published: int
    parked: int
    failures: int


class PublishEvents(Struct, frozen=True, forbid_unknown_fields=True):
    """Publish a domain's outbox to Kafka."""


def handler(module: str) -> Operation[PublishEvents, None]:
    """Make the operation of a domain's relay, for a schedule of one minute.

    *module*: its `__name__`, which tells the domain.
    """
    domain = domains.of(module)

    @operation(PublishEvents, module=module)
    def publish_events(_command: PublishEvents, run: Run[None]) -> Iterator[Progress[None]]:
        """A caller who waits for an answer ends the waiting for further events."""
        seconds: float = settings.Relay.from_environment().seconds
        if run.seconds is not None:
            seconds = min(seconds, run.seconds)
        limit = run.context.get_remaining_time_in_millis() / 1000 - RESERVE_SECONDS
        summary = publish(domain, seconds, limit)
        yield Progress(summary.published, summary.published, result=summary._asdict())

    return publish_events


def publish(domain: str, seconds: float, limit: float = float("inf")) -> Summary:
    """Publish *domain*'s outbox, then wait for more rows until *seconds* have passed since the start.

    *seconds*: 0 = drain and return.
    *limit*: number of seconds after which no batch is begun.
    While Postgres or Kafka is down, retries with growing pauses. Raises its error if it is still down at the end.
    """
    return _Relay(domain, seconds, limit).run()


class _Relay:
    def __init__(self, domain: str, seconds: float, limit: float) -> None:
        self.domain = domain
        self.settings = settings.Relay.from_environment()
        now = time.monotonic()
        self.end_of_waiting = now + min(seconds, limit)
        self.end_of_work = now + limit
        self.next_deletion = now
        self.absent_topics: dict[str, float] = {}
        self.published = self.parked = self.failures = self.failures_in_a_row = 0

    def run(self) -> Summary:
        while True:
            try:
                with contextlib.closing(database.connect(self.domain)) as connection:
                    self._follow(connection)
                    self._report(connection)
                return Summary(self.published, self.parked, self.failures)
            except (psycopg.OperationalError, KafkaError) as error:
                if not self._back_off(error):
                    raise

    def _follow(self, connection: Connection) -> None:
        """Drain the outbox at every notification, and every second in case one was lost with its connection."""
        connection.execute("LISTEN outbox")
        prunings = pruning.parts(connection, settings.Retention.from_environment())
        next(prunings)
        while True:
            while self._sweep(connection):
                pass
            self._delete(connection, prunings)
            patience = self.end_of_waiting - time.monotonic()
            if patience <= 0:
                return
            for _ in connection.notifies(timeout=min(patience, SWEEP_SECONDS), stop_after=1):
                pass

    def _sweep(self, connection: Connection) -> int:
        """Publish up to one batch of each half of the buckets. Returns the number of rows, 0 = there are no more."""
        handled = 0
        for buckets in random.sample(HALVES, k=len(HALVES)):
            if time.monotonic() < self.end_of_work:
                handled += self._publish_batch(connection, buckets)
        return handled

    def _delete(self, connection: Connection, prunings: Iterator[bool]) -> None:
        """Delete what names forgotten people, then what is old, for a moment in each second."""
        now = time.monotonic()
        if now < self.next_deletion:
            return
        self.next_deletion = now + SWEEP_SECONDS
        end = min(now + DELETION_SECONDS, self.end_of_work)
        more = True
        while more and time.monotonic() < end:
            [(more,)] = connection.execute(
                "SELECT sweep_forgotten(make_interval(secs => %s), %s)", (SETTLING_SECONDS, FORGETTING_ROWS)
            ).fetchall()
        while time.monotonic() < end and next(prunings, False):
            pass

    def _publish_batch(self, connection: Connection, buckets: list[int]) -> int:
        with connection.transaction():
            claimed = unpublished.lock_buckets(connection, buckets)
            rows = unpublished.read(connection, claimed, self._avoided_topics(), self.settings.batch_size)
            if not rows:
                return 0
            outcomes = kafka.publish(row.message for row in rows)
            results = list(zip(rows, outcomes, strict=False))
            published = [row for row, error in results if error is None]
            unpublishable = [(row, repr(error)) for row, error in results if isinstance(error, kafka.UNPUBLISHABLE)]
            unpublished.mark_published(connection, published)
            unpublished.park(connection, unpublishable)
        self.published += len(published)
        self.parked += len(unpublishable)
        self._settle_failures(results)
        return len(results)

    def _settle_failures(self, results: list[tuple[Row, Exception | None]]) -> None:
        """Avoid a topic that cannot be written to for a while. Raises errors that concern the whole broker.

        The next sweep reads unsent rows again.
        """
        for row, error in results:
            if isinstance(error, kafka.TopicError) and row.message.topic not in self._avoided_topics():
                self.absent_topics[row.message.topic] = time.monotonic() + ABSENT_TOPIC_SECONDS
                logger.error("topic cannot be written to", topic=row.message.topic, error=str(error))
            elif isinstance(error, kafka.UNPUBLISHABLE):
                logger.error("event parked", outbox_id=row.id, topic=row.message.topic, error=type(error).__name__)
            elif isinstance(error, KafkaError):
                raise error
        self.failures_in_a_row = 0

    def _avoided_topics(self) -> list[str]:
        return [topic for topic, until in self.absent_topics.items() if until > time.monotonic()]

    def _back_off(self, error: Exception) -> bool:
        """Wait before the next attempt. Returns False, without waiting, if there is no time for one."""
        self.failures += 1
        self.failures_in_a_row += 1
        longest = min(LONGEST_BACKOFF_SECONDS, 0.1 * 2**self.failures_in_a_row)
        wait = longest * random.uniform(0.5, 1)  # noqa: S311 - so that relays do not come back in step
        logger.warning("publishing failed", domain=self.domain, error=type(error).__name__, retry_seconds=wait)
        if time.monotonic() + wait >= self.end_of_waiting:
            return False
        time.sleep(wait)
        return True

    def _report(self, connection: Connection) -> None:
        backlog = unpublished.count(connection)
        component = f"{self.domain}.publish_events"
        counts = {"published": self.published, "publish_failures": self.failures}
        waiting = {"outbox_rows": backlog.waiting, "outbox_age_seconds": backlog.age, "outbox_parked": backlog.parked}
        telemetry.publish(component, **counts, **waiting)
