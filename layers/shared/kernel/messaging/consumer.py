"""The Kafka edge: a batch of records becomes typed events, each applied exactly once, and failures are told apart.

    read ─► before ─► apply ─► after

1. *Read*: each record is decoded once. Types that are not among the contracts are skipped and counted. So are records
   that an operator sent to another consumer, or replays where effects leave the database (`kernel.messaging.markers`).
2. *Before*: outside of any transaction, for outside systems. It returns the failures of single events.
3. *Apply*: one transaction holds the inbox rows, the effect and the dead letters of up to 1,000 records. Cache
   invalidations wait for its end.
4. *After*: once a transaction has committed.

What happens when an event fails, in phase 2 or 3, depends on the error:

* transient (a database or another system is down or busy): nothing is dead-lettered. The record and all later ones of
  its partition are returned as batch item failures, and are delivered again, in order.
* permanent (unreadable, refused by a rule, a bug): the batch is repeated record by record to find the one at fault.
  That one is dead-lettered and the rest goes on. With `ordered=True` later records of its key wait for it, until it is
  redriven or discarded (`kernel.messaging.parked_keys`). After many permanent failures in a row, counted over all execution
  environments (`kernel.storage.breaker`), the breaker opens and further ones are returned instead: a bad deployment
  does not empty a topic into its dead letters. Records are still tried, and the first success closes the breaker.

Two errors are no failures. A row about a person who was forgotten (`kernel.messaging.forgetting`) is skipped. So is an
event of another service (`kernel.errors.NotOursError`), which is counted as `not_ours`.

All phases stop before Lambda's deadline, and what is left is returned. AWS: "Configuring error handling controls for
Kafka event sources" (Lambda Developer Guide), rules R6 to R10.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import batched, chain
from typing import Any, Unpack
from uuid import UUID

from kernel import domains, telemetry
from kernel.aws.lambda_context import LambdaContext
from kernel.contracts.event import Event
from kernel.messaging import events, inbox, parked_keys
from kernel.messaging.consumption import CHUNK, Effect, Run
from kernel.messaging.deliveries import (
    Before,
    Delivery,
    Failures,
    Read,
    addressed,
    identifier,
    read_all,
    run_before,
)
from kernel.messaging.events import Reader, Record
from kernel.messaging.options import After, Options
from kernel.settings import Consumer as Settings
from kernel.storage.database import Connection
from kernel.telemetry import logger

# Share of the remaining time reserved for the last transaction to finish: several statement timeouts.
RESERVED_PART = 0.25

type Batch = dict[str, Any]
type Answer = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer[E]:
    """A Lambda handler: what it consumes, and what it does in each phase. `Options` explains the others.

    *domain*: whose database and inbox it uses.
    *contracts*: what it reads. Empty for undecoded records.
    *together*: whether *effect* takes many events at once.
    """

    domain: str
    contracts: tuple[type[Event], ...]
    read: Read[E]
    effect: Effect[E]
    together: bool
    before: Before[E] | None = None
    after: After | None = None
    generation: int = inbox.FIRST_GENERATION
    published_group: str | None = None
    published_dead_letter_topic: str | None = None
    ordered: bool = False
    ignores_replays: bool = False
    idempotent_without_inbox: bool = False
    projection: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len({contract.topic for contract in self.contracts}) > 1:
            raise TypeError("The contracts of a consumer must be of one topic.")
        if self.ordered and self.together:
            raise TypeError(
                "ordered=True needs consumer.each: a batch is applied as a whole, so no record of it can wait for another."
            )
        if self.ordered and self.before:
            raise TypeError(
                "ordered=True has no phase before: it would see records that are parked. Call outside systems in after=."
            )
        if self.generation < inbox.FIRST_GENERATION:
            raise ValueError("Generations are counted from 1.")
        if self.projection and (self.before or self.after or self.ignores_replays or self.ordered):
            raise TypeError(
                "A projection's consumer has no phases, no effect outside of its tables, and parks no records."
            )

    @property
    def topic(self) -> str | None:
        """Return the topic of the contracts. Returns None for undecoded records, which may be of any."""
        return self.contracts[0].topic if self.contracts else None

    def names(self, topic: str | None = None) -> Settings:
        """Return the names of the consumer, and its other settings. *topic*: of the batch, where its own is None."""
        name = self.topic or topic
        if name is None:
            raise ValueError("This consumer takes every topic: name one.")
        return Settings.from_environment(self.domain, name, self.published_group, self.published_dead_letter_topic)

    @property
    def group(self) -> str:
        return self.names().group

    @property
    def dead_letter_topic(self) -> str:
        return self.names().dead_letter_topic

    def __call__(self, event: Batch, context: LambdaContext) -> Answer:
        started = time.monotonic()
        deadline = started + context.get_remaining_time_in_millis() / 1000 * (1 - RESERVED_PART)
        records = [events.parse(record) for record in chain.from_iterable(event["records"].values())]
        if not records:
            return {"batchItemFailures": []}
        _begin_trace(records[0])
        names = self.names(records[0].topic)
        left_out = {"for_others": 0, "replays_ignored": 0}
        own = addressed(records, names.group, ignores_replays=self.ignores_replays, skipped=left_out)
        deliveries = list(read_all(own, self.read))
        run = Run(
            domain=self.domain,
            effect=self.effect,
            together=self.together,
            failures=self._run_before([each for each in deliveries if isinstance(each, Delivery)], context, deadline),
            scope=inbox.scope_of(names.group, self.generation),
            settings=names,
            deadline=deadline,
            ordered=self.ordered,
        )
        for chunk in batched(deliveries, CHUNK, strict=False):
            run.process(chunk)
        returned = [record for record in records if run.is_blocked(record)] if run.blocked else []
        run.counts["skipped"] += len(records) - len(deliveries) - sum(left_out.values())
        duration = round((time.monotonic() - started) * 1000, 1)
        counts: dict[str, float] = {**run.counts, **left_out, "received": len(records), "returned": len(returned)}
        counts["consumer_batch_duration_ms"] = duration
        logger.info("batch consumed", extra=counts)
        telemetry.publish(names.group, **counts)
        if run.has_committed:
            self._run_after(context, names.group)
        return {"batchItemFailures": [{"itemIdentifier": identifier(record)} for record in returned]}

    def _run_before(self, delivered: Sequence[Delivery[E]], context: LambdaContext, deadline: float) -> Failures:
        if not self.before or not delivered:
            return {}
        failures = run_before(self.before, delivered, context, deadline)
        _begin_trace(delivered[0].record)
        return failures

    def _run_after(self, context: LambdaContext, group: str) -> None:
        """Run *after*. Its error cannot undo what is committed, so it is logged and counted, and nothing is returned."""
        try:
            if self.after:
                self.after(context)
        except Exception:  # noqa: BLE001 - the records are applied: returning them would only repeat this
            logger.exception("the phase after the commit failed")
            telemetry.publish(group, after_failures=1)


def batch[E: Event](*contracts: type[E], **options: Unpack[Options[E]]) -> Callable[[Effect[E]], Consumer[E]]:
    """Make a Lambda handler of a function that applies many events with a few set-based statements.

    The function gets a connection to the database of its module's domain, in a transaction, and the events that are
    new, in the order of their partitions and without duplicates. When it raises a permanent error it is called again
    for each event alone.
    """
    _require(contracts)

    def decorate(function: Effect[E]) -> Consumer[E]:
        read = Reader(*contracts).read
        return Consumer(
            domain=domains.of(function.__module__),
            contracts=contracts,
            read=read,
            effect=function,
            together=True,
            **options,
        )

    return decorate


def each[E: Event](
    *contracts: type[E], **options: Unpack[Options[E]]
) -> Callable[[Callable[[Connection, E], None]], Consumer[E]]:
    """Make a Lambda handler of a function that applies one event at a time, each in a savepoint. Otherwise as `batch`."""
    _require(contracts)

    def decorate(function: Callable[[Connection, E], None]) -> Consumer[E]:
        read = Reader(*contracts).read
        return Consumer(
            domain=domains.of(function.__module__),
            contracts=contracts,
            read=parked_keys.refuse_unknown_types(read) if options.get("ordered") else read,
            effect=lambda connection, several: function(connection, *several),
            together=False,
            **options,
        )

    return decorate


def records(**options: Unpack[Options[Record]]) -> Callable[[Effect[Record]], Consumer[Record]]:
    """Make a Lambda handler of a function that applies undecoded records, whatever is in them. Otherwise as `batch`.

    The records may be of any topic: the names follow that of the batch. The inbox knows a record by its place.
    """

    def decorate(function: Effect[Record]) -> Consumer[Record]:
        return Consumer(
            domain=domains.of(function.__module__),
            contracts=(),
            read=_read_place,
            effect=function,
            together=True,
            **options,
        )

    return decorate


def _require(contracts: Sequence[type[Event]]) -> None:
    """Raise TypeError if there are no contracts."""
    if not contracts:
        raise TypeError("Name the contracts that the function takes, or use consumer.records().")


def _read_place(record: Record) -> tuple[UUID, Record]:
    return record.id, record


def _begin_trace(record: Record) -> None:
    telemetry.begin(*record.header("ce_correlationid", "traceparent"))
