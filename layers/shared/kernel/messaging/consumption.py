"""The application of one batch of Kafka records. `kernel.messaging.consumer` says what it promises."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import psycopg

from kernel.errors import ForgottenError, NotOursError, UnavailableError
from kernel.messaging import dead_letters, event_log, inbox
from kernel.messaging.dead_letters import DeadLetter
from kernel.messaging.deliveries import (
    Delivery,
    Failures,
    OutOfTimeError,
    Unreadable,
    continue_trace,
    identifier,
    may_succeed_later,
    name_of,
)
from kernel.messaging.events import Record
from kernel.messaging.parked_keys import ParkedKeys
from kernel.settings import Consumer as Settings
from kernel.storage import cache
from kernel.storage.breaker import SharedBreaker
from kernel.storage.database import FORGOTTEN, Connection, transaction
from kernel.telemetry import logger

CHUNK = 1000

type Effect[E] = Callable[[Connection, list[E]], None]


class BreakerOpenError(Exception):
    """Too many records in a row failed permanently. No further one is dead-lettered."""


@dataclass(slots=True, kw_only=True)
class Run[E]:
    """The application of one batch.

    Once a record fails transiently, its partition is *blocked*: that record and all later ones of the partition are
    returned to Kafka.

    *effect*: applies events within a transaction of *domain*.
    *together*: whether it takes many events at once.
    *failures*: of the phase before, by event.
    *scope*: of the inbox.
    *deadline*: when nothing more may be begun, by `time.monotonic`.
    *ordered*: whether the later records of a dead-lettered key wait for it.
    *keys*: those of them that wait, in the present transaction. None if the run is not ordered.
    """

    domain: str
    effect: Effect[E]
    together: bool
    failures: Failures
    scope: str
    settings: Settings
    deadline: float
    ordered: bool = False
    keys: ParkedKeys | None = None
    has_committed: bool = False
    blocked: dict[tuple[str, int], int] = field(default_factory=dict)
    applied: list[Delivery[E]] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("applied", "duplicates", "skipped", "not_ours", "dead_lettered", "parked", "discarded", "breaker_open"), 0
        )
    )

    def is_blocked(self, record: Record) -> bool:
        return record.offset >= self.blocked.get((record.topic, record.partition), record.offset + 1)

    def process(self, chunk: Sequence[Delivery[E] | Unreadable]) -> None:
        """Apply *chunk* in one transaction, or block the partitions of the records that cannot be applied now."""
        deliveries = [each for each in chunk if not self.is_blocked(each.record)] if self.blocked else chunk
        counts, self.applied = dict(self.counts), []
        if self.together and self._apply_together(deliveries):
            return
        try:
            with cache.postponed(), transaction(self.domain) as connection:
                breaker = self._breaker(connection)
                if self.ordered:
                    self.keys = ParkedKeys(connection, self.scope, (each.record for each in deliveries))
                for delivery in deliveries:
                    if self._can_try(delivery.record) and not self._is_set_aside(connection, delivery):
                        self._apply_one(connection, breaker, delivery)
                breaker.flush()
        except (UnavailableError, psycopg.Error) as error:
            self.counts = counts
            for delivery in deliveries:
                self._block(delivery.record, error)
        else:
            self._finish()

    def _apply_together(self, deliveries: Sequence[Delivery[E] | Unreadable]) -> bool:
        """Apply all of *deliveries* with one call of the effect. Returns False, with nothing done, when one fails."""
        if time.monotonic() > self.deadline or (self.failures and any(each.id in self.failures for each in deliveries)):
            return False
        unique = {delivery.id: delivery for delivery in reversed(deliveries)}
        try:
            with cache.postponed(), transaction(self.domain) as connection:
                claimed = inbox.claim(connection, self.scope, list(unique))
                new = [each for each in deliveries if each.id in claimed and unique[each.id] is each]
                readable = [each for each in new if isinstance(each, Delivery)]
                if readable:
                    self.effect(connection, [each.event for each in readable])
                letters = [DeadLetter(each.record, each.error) for each in new if isinstance(each, Unreadable)]
                self._add_dead_letters(connection, letters)
                self._count(connection, new)
        except Exception as error:  # noqa: BLE001 - the records are tried one by one, and the error occurs again
            logger.info("batch is repeated record by record", error=name_of(error))
            return False
        self.counts["applied"] += len(readable)
        self.counts["dead_lettered"] += len(letters)
        self.counts["duplicates"] += len(deliveries) - len(new)
        self.applied = readable
        self._finish()
        return True

    def _finish(self) -> None:
        self.has_committed = True
        event_log.write(self.settings.event_log_level, ((each.id, each.event, each.record) for each in self.applied))

    def _breaker(self, connection: Connection) -> SharedBreaker:
        return SharedBreaker(connection, self.settings.group, self.settings.breaker_threshold)

    def _count(self, connection: Connection, deliveries: list[Delivery[E] | Unreadable]) -> None:
        """Count successes and failures in their order. Raises BreakerOpenError at the first failure too many."""
        breaker = self._breaker(connection)
        for delivery in deliveries:
            if isinstance(delivery, Delivery):
                breaker.record_success()
            elif not breaker.record_failure():
                raise BreakerOpenError
        breaker.flush()

    def _can_try(self, record: Record) -> bool:
        if self.is_blocked(record):
            return False
        if time.monotonic() > self.deadline:
            self._block(record, OutOfTimeError())
            return False
        return True

    def _apply_one(self, connection: Connection, breaker: SharedBreaker, delivery: Delivery[E] | Unreadable) -> None:
        continue_trace(delivery)
        if isinstance(delivery, Unreadable):
            self._refuse(connection, breaker, delivery.record, delivery.error)
            return
        try:
            with connection.transaction():
                applied = self._claim_and_apply(connection, delivery)
        except NotOursError as error:
            self.counts["not_ours"] += 1
            logger.info("event is not ours", extra={**identifier(delivery.record), "reason": str(error)})
        except Exception as error:
            if connection.closed:
                raise
            if isinstance(error, ForgottenError) or getattr(error, "sqlstate", None) == FORGOTTEN:
                self.counts["skipped"] += 1
            elif may_succeed_later(error):
                self._block(delivery.record, error)
                return
            else:
                self._refuse(connection, breaker, delivery.record, error)
                return
        else:
            self.counts["applied" if applied else "duplicates"] += 1
            if applied:
                breaker.record_success()
                self.applied.append(delivery)
        if self.keys:
            self.keys.release(delivery.record)

    def _claim_and_apply(self, connection: Connection, delivery: Delivery[E]) -> bool:
        if not inbox.claim(connection, self.scope, [delivery.id]):
            return False
        if failure := self.failures.get(delivery.id):
            raise failure
        self.effect(connection, [delivery.event])
        return True

    def _refuse(self, connection: Connection, breaker: SharedBreaker, record: Record, error: Exception) -> None:
        """Dead-letter the record, unless it already was, or the circuit breaker is open."""
        is_known = inbox.has(connection, self.scope, record.id)
        if not is_known and not breaker.record_failure():
            self.counts["breaker_open"] = 1
            logger.error("circuit breaker is open: nothing more is dead-lettered", consumer=self.settings.group)
            self._block(record, error)
            return
        if is_known:
            self.counts["duplicates"] += 1
        elif inbox.claim(connection, self.scope, [record.id]):
            self._add_dead_letters(connection, [DeadLetter(record, error)])
            self.counts["dead_lettered"] += 1
        if self.keys:
            self.keys.park(record)

    def _is_set_aside(self, connection: Connection, delivery: Delivery[E] | Unreadable) -> bool:
        """Park a record whose key waits for a dead letter. Returns whether the record is not to be tried."""
        record = delivery.record
        outcome = self.keys.set_aside(record, delivery.id) if self.keys else None
        if outcome is None:
            return False
        if self.keys and outcome == "parked":
            continue_trace(delivery)
            letter = DeadLetter(record, self.keys.behind(record))
            self.keys.park(record)
            inbox.claim(connection, self.scope, [record.id])
            dead_letters.add_many(connection, self.domain, self.settings, self.scope, [letter])
        self.counts[outcome] += 1
        logger.info("record is not tried", extra={**identifier(record), "outcome": outcome})
        return True

    def _add_dead_letters(self, connection: Connection, letters: list[DeadLetter]) -> None:
        dead_letters.add_many(connection, self.domain, self.settings, self.scope, letters)
        for record, error in letters:
            logger.error("record is dead-lettered", extra={**identifier(record), "error": name_of(error)})

    def _block(self, record: Record, error: Exception) -> None:
        partition = (record.topic, record.partition)
        if record.offset < self.blocked.get(partition, record.offset + 1):
            self.blocked[partition] = record.offset
            logger.warning("partition waits", extra={**identifier(record), "error": name_of(error)})
