"""The consumption of one batch of Kafka records; `kernel.messaging.consumer` says what it promises."""

import time
from collections.abc import Callable, Iterator
from itertools import batched, chain
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from kernel import settings, telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.event import Event, MalformedError
from kernel.errors import ForgottenError, UnavailableError
from kernel.messaging import dead_letters, event_log, events, inbox
from kernel.messaging.dead_letters import DeadLetter
from kernel.messaging.events import Reader, Record
from kernel.storage.breaker import SharedBreaker
from kernel.storage.database import FORGOTTEN, Connection, is_transient, transaction
from kernel.telemetry import logger

CHUNK = 1000
# Of the time that is left when the batch arrives, what the last transaction may take: several statement timeouts.
RESERVED_PART = 0.25

type Batch = dict[str, Any]
type Effect[E: Event] = Callable[[Connection, list[E]], None]


class Delivery[E: Event](NamedTuple):
    """A record with the event in it, or with the reason why there is none. *id*: under which the inbox knows it."""

    record: Record
    id: UUID
    event: E | None
    error: MalformedError | None = None


class NotOursError(Exception):
    """The event is about something of another service's: it is skipped and counted, and no dead letter."""


class OutOfTimeError(Exception):
    """The deadline is near: the record was not tried."""


class BreakerOpenError(Exception):
    """Too many records in a row have failed for good: no more of them is dead-lettered."""


class Consumer[E: Event]:
    def __init__(self, domain: str, effect: Effect[E], contracts: tuple[type[E], ...], *, together: bool) -> None:
        self.domain = domain
        self.effect = effect
        self.reader = Reader(*contracts)
        self.together = together

    def __call__(self, event: Batch, context: LambdaContext) -> dict[str, list[dict[str, Any]]]:
        started = time.monotonic()
        run = Run(self, context)
        records = [events.parse(record) for record in chain.from_iterable(event["records"].values())]
        if records:
            telemetry.begin(*records[0].header("ce_correlationid", "traceparent"))
        for chunk in batched(records, CHUNK, strict=False):
            run.process(list(chunk))
        failures = [record for record in records if run.is_blocked(record)] if run.blocked else []
        counts = {**run.counts, "received": len(records), "returned": len(failures)}
        duration = round((time.monotonic() - started) * 1000, 1)
        logger.info("batch consumed", extra={**counts, "duration_ms": duration})
        telemetry.publish(run.settings.group, **counts, duration_ms=duration)
        return {"batchItemFailures": [{"itemIdentifier": _identifier(record)} for record in failures]}


class Run[E: Event]:
    """The consumption of one batch. A *blocked* partition takes no more records, from the offset that failed on."""

    def __init__(self, consumer: Consumer[E], context: LambdaContext) -> None:
        self.consumer = consumer
        self.settings = settings.Consumer.from_environment()
        remaining = context.get_remaining_time_in_millis() / 1000
        self.deadline = time.monotonic() + remaining * (1 - RESERVED_PART)
        self.blocked: dict[tuple[str, int], int] = {}
        self.applied: list[Delivery[E]] = []
        self.counts = dict.fromkeys(
            ("applied", "duplicates", "skipped", "not_ours", "dead_lettered", "breaker_open"), 0
        )

    def is_blocked(self, record: Record) -> bool:
        return record.offset >= self.blocked.get((record.topic, record.partition), record.offset + 1)

    def process(self, records: list[Record]) -> None:
        """Apply *records* in one transaction, or block the partitions of those that cannot be applied now."""
        deliveries = list(self._read(records))
        before, self.applied = dict(self.counts), list[Delivery[E]]()
        if self.consumer.together and self._apply_together(deliveries):
            return
        try:
            with transaction(self.consumer.domain) as connection:
                breaker = self._breaker(connection)
                for delivery in deliveries:
                    self._apply_one(connection, breaker, delivery)
                breaker.flush()
        except (UnavailableError, psycopg.Error) as error:
            self.counts = before
            for delivery in deliveries:
                self._block(delivery.record, error)
        else:
            self._log_applied()

    def _read(self, records: list[Record]) -> Iterator[Delivery[E]]:
        for record in records:
            if self.blocked and self.is_blocked(record):
                continue
            try:
                found = self.consumer.reader.read(record)
            except MalformedError as error:
                yield Delivery(record, record.id, None, error)
            else:
                if found:
                    yield Delivery(record, *found)
                else:
                    self.counts["skipped"] += 1

    def _apply_together(self, deliveries: list[Delivery[E]]) -> bool:
        """Apply all of *deliveries* with one call of the function; False, and nothing done, when something fails."""
        if time.monotonic() > self.deadline:
            return False
        unique = {delivery.id: delivery for delivery in reversed(deliveries)}
        try:
            with transaction(self.consumer.domain) as connection:
                claimed = inbox.claim(connection, self.settings.group, list(unique))
                new = [each for each in deliveries if each.id in claimed and unique[each.id] is each]
                if several := [each.event for each in new if each.event is not None]:
                    self.consumer.effect(connection, several)
                letters = [DeadLetter(each.record, each.error) for each in new if each.error is not None]
                self._add_dead_letters(connection, letters)
                self._count(connection, new)
        except Exception as error:  # noqa: BLE001 - whatever it is, the records are tried one by one and it shows again
            logger.info("batch is repeated record by record", error=_name(error))
            return False
        self.counts["applied"] += len(several)
        self.counts["dead_lettered"] += len(letters)
        self.counts["duplicates"] += len(deliveries) - len(new)
        self.applied = new
        self._log_applied()
        return True

    def _log_applied(self) -> None:
        events_of = ((each.id, each.event, each.record) for each in self.applied if each.event is not None)
        event_log.write(self.settings.event_log_level, events_of)

    def _breaker(self, connection: Connection) -> SharedBreaker:
        return SharedBreaker(connection, self.settings.group, self.settings.breaker_threshold)

    def _count(self, connection: Connection, deliveries: list[Delivery[E]]) -> None:
        """Count successes and failures in their order; raise BreakerOpenError at the first failure too many."""
        breaker = self._breaker(connection)
        for delivery in deliveries:
            if delivery.error is None:
                breaker.record_success()
            elif not breaker.record_failure():
                raise BreakerOpenError
        breaker.flush()

    def _apply_one(self, connection: Connection, breaker: SharedBreaker, delivery: Delivery[E]) -> None:
        if self.is_blocked(delivery.record):
            return
        if time.monotonic() > self.deadline:
            self._block(delivery.record, OutOfTimeError())
            return
        correlation_id, traceparent = delivery.record.header("ce_correlationid", "traceparent")
        telemetry.begin(correlation_id, traceparent, str(delivery.id))
        try:
            with connection.transaction():
                applied = self._claim_and_apply(connection, delivery)
        except NotOursError as error:
            self.counts["not_ours"] += 1
            logger.info("event is not ours", extra={**_identifier(delivery.record), "reason": str(error)})
        except Exception as error:
            if connection.closed:
                raise
            if isinstance(error, ForgottenError) or getattr(error, "sqlstate", None) == FORGOTTEN:
                self.counts["skipped"] += 1
            elif _may_succeed_later(error):
                self._block(delivery.record, error)
            else:
                self._refuse(connection, breaker, delivery.record, error)
        else:
            self.counts["applied" if applied else "duplicates"] += 1
            if applied:
                breaker.record_success()
                self.applied.append(delivery)

    def _claim_and_apply(self, connection: Connection, delivery: Delivery[E]) -> bool:
        if delivery.event is None:
            raise delivery.error or MalformedError
        if not inbox.claim(connection, self.settings.group, [delivery.id]):
            return False
        self.consumer.effect(connection, [delivery.event])
        return True

    def _refuse(self, connection: Connection, breaker: SharedBreaker, record: Record, error: Exception) -> None:
        """Dead-letter the record, unless it has been, or too many before it have."""
        if inbox.has(connection, self.settings.group, record.id):
            self.counts["duplicates"] += 1
        elif not breaker.record_failure():
            self.counts["breaker_open"] = 1
            logger.error("circuit breaker is open: nothing more is dead-lettered", consumer=self.settings.group)
            self._block(record, error)
        elif inbox.claim(connection, self.settings.group, [record.id]):
            self._add_dead_letters(connection, [DeadLetter(record, error)])
            self.counts["dead_lettered"] += 1

    def _add_dead_letters(self, connection: Connection, letters: list[DeadLetter]) -> None:
        dead_letters.add_many(connection, self.settings.dead_letter_topic, self.settings.group, letters)
        for record, error in letters:
            logger.error("record is dead-lettered", extra={**_identifier(record), "error": _name(error)})

    def _block(self, record: Record, error: Exception) -> None:
        partition = (record.topic, record.partition)
        if record.offset < self.blocked.get(partition, record.offset + 1):
            self.blocked[partition] = record.offset
            logger.warning("partition waits", extra={**_identifier(record), "error": _name(error)})


def _may_succeed_later(error: Exception) -> bool:
    """Sockets and timeouts of outside systems count as the database's do; HTTP 429 and 5xx come as UnavailableError."""
    if isinstance(error, psycopg.Error):
        return is_transient(error)
    return isinstance(error, (UnavailableError, OSError))


def _identifier(record: Record) -> dict[str, Any]:
    return {"partition": f"{record.topic}-{record.partition}", "offset": record.offset}


def _name(error: Exception) -> str:
    """The error without its message, which may quote the record."""
    cause = error.__cause__ or error
    sqlstate = getattr(cause, "sqlstate", None)
    return f"{type(cause).__name__} {sqlstate}" if sqlstate else type(cause).__name__
