"""Applying a topic to a shadow: the consumer's own effect, chunk by chunk, with the positions in the same transaction."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import batched

from kernel.errors import ConflictError, NotFoundError, UnavailableError
from kernel.messaging import events, inbox, shadow
from kernel.messaging.archived_log import ArchivedLog
from kernel.messaging.consumer import Consumer
from kernel.messaging.consumption import CHUNK, Run
from kernel.messaging.deliveries import addressed, read_all
from kernel.messaging.log_record import LogRecord
from kernel.messaging.shadow import Shadow
from kernel.messaging.topic_log import TopicLog
from kernel.storage import database
from kernel.storage.database import Connection

# Of one chunk; several statement timeouts.
CHUNK_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Application[E]:
    """A consumer that applies its topic to the shadow in its domain's database."""

    domain: str
    consumer: Consumer[E]

    @property
    def topic(self) -> str:
        return self.consumer.names().topic

    @property
    def scope(self) -> str:
        """Return the scope of the consumer's inbox, which the live one and the shadow's have in common."""
        return inbox.scope_of(self.consumer.group, self.consumer.generation)

    def find(self) -> Shadow | None:
        with database.transaction(self.domain) as connection:
            return shadow.find(connection)

    def require(self) -> Shadow:
        found = self.find()
        if found is None:
            raise NotFoundError(shadow.NONE)
        return found

    def passes(self, log: TopicLog) -> Iterator[tuple[int, int]]:
        """Read the topic to its end, again until a pass has few records. Yields offsets done, and all, after each chunk."""
        read = CHUNK
        while read >= CHUNK:
            read, at = 0, self.require()
            ranges = log.ranges(self.topic)
            total = sum(offsets.stop for offsets in ranges.values())
            for records, positions in _chunks(log, self.topic, at.positions, ranges):
                at = self._apply(at, records, positions)
                read += len(records)
                yield sum(positions.values()), total

    def _apply(self, before: Shadow, records: Sequence[LogRecord], positions: dict[int, int]) -> Shadow:
        """Apply *records* to the shadow as the consumer does, and keep *positions* with them."""
        with database.transaction(self.domain) as connection:
            connection.execute(shadow.SEARCH_PATH)
            found = shadow.find(connection, lock=True)
            if found is None or (found.started_at, found.positions) != (before.started_at, before.positions):
                raise ConflictError("Another invocation works on the rebuild. Wait for it.")
            counts = self._consume(connection, found, records) if records else found.counts
            shadow.advance(connection, positions, counts)
        return found._replace(positions=positions, counts=counts)

    def _consume(self, connection: Connection, at: Shadow, records: Sequence[LogRecord]) -> dict[str, int]:
        names = replace(self.consumer.names(), event_log_level="DEBUG")
        left_out = {"for_others": 0, "replays_ignored": 0}
        delivered = map(events.of_log, records)
        own = addressed(delivered, names.group, ignores_replays=self.consumer.ignores_replays, skipped=left_out)
        deliveries = list(read_all(own, self.consumer.read))
        run = Run(
            domain=self.domain,
            effect=self.consumer.effect,
            together=self.consumer.together,
            failures={},
            scope=at.scope,
            settings=names,
            deadline=time.monotonic() + CHUNK_SECONDS,
        )
        run.process(deliveries)
        if run.blocked:
            why = (
                "its breaker is open: many records in a row are refused" if run.counts["breaker_open"] else "it is busy"
            )
            message = f"The {self.domain} database takes no further events for the rebuild: {why}."
            raise UnavailableError(message)
        shadow.keep_refused(connection, at.scope, [each.record.id for each in deliveries])
        counts = {**run.counts, **left_out}
        return {name: at.counts.get(name, 0) + count for name, count in counts.items()}


def _chunks(
    log: TopicLog, topic: str, positions: dict[int, int], ranges: dict[int, range]
) -> Iterator[tuple[Sequence[LogRecord], dict[int, int]]]:
    """Yield the records from *positions* on, chunk by chunk, each with the positions after it.

    *ranges*: the offsets that the topic has. Earlier ones are read from its archive.
    """
    wanted = {number: range(positions.get(number, 0), offsets.stop) for number, offsets in ranges.items()}
    after = {number: offsets.start for number, offsets in wanted.items()}
    for records in batched(_records(log, topic, wanted, ranges), CHUNK, strict=False):
        after |= {record.partition: record.offset + 1 for record in records}
        yield records, dict(after)
    # Behind the last record may be offsets that have none.
    ends = {number: offsets.stop for number, offsets in wanted.items()}
    if after != ends or not positions:
        yield (), ends


def _records(log: TopicLog, topic: str, wanted: dict[int, range], ranges: dict[int, range]) -> Iterator[LogRecord]:
    for number, offsets in wanted.items():
        if offsets.start < ranges[number].start:
            with ArchivedLog() as archive:
                yield from archive.read(topic, number, offsets.start, ranges[number].start)
    available = {
        number: range(max(offsets.start, ranges[number].start), offsets.stop) for number, offsets in wanted.items()
    }
    yield from log.read_all(topic, available)
