"""Start the batches that are due and apply their results, without Kafka or LocalStack.

At most one piece of work per partition is in flight (C1), each in a thread of its own while the poller reads on. Every
change of state happens under one lock. The thread that makes a change also starts what has become due.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from datetime import UTC, datetime
from time import monotonic

from millrace_plugin.kafka_trigger import policy
from millrace_plugin.kafka_trigger.accounting import Accounting, Commit
from millrace_plugin.kafka_trigger.backpressure import Backlog
from millrace_plugin.kafka_trigger.batcher import Batcher
from millrace_plugin.kafka_trigger.concurrency import ConcurrencyLimit, maximum_concurrency
from millrace_plugin.kafka_trigger.conditions import Condition
from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.diagnosis import Moment, diagnose
from millrace_plugin.kafka_trigger.failure import Destination
from millrace_plugin.kafka_trigger.invocation import Function, Refusal
from millrace_plugin.kafka_trigger.invoker import Invoker
from millrace_plugin.kafka_trigger.offsets import Position
from millrace_plugin.kafka_trigger.on_failure import OnFailure
from millrace_plugin.kafka_trigger.ownership import Ownership
from millrace_plugin.kafka_trigger.partition import Partition, Polled
from millrace_plugin.kafka_trigger.payload import Envelope
from millrace_plugin.kafka_trigger.policy import Work
from millrace_plugin.kafka_trigger.processing_result import ProcessingResult
from millrace_plugin.kafka_trigger.settings import Settings

Batch = Sequence[tuple[Partition, Work]]


class Dispatcher:
    """Run the batches of a mapping's partitions.

    commit: called with partition and offset whenever a partition's settled prefix has grown. It must not block.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the pieces of a mapping meet here
        self,
        settings: Settings,
        invoker: Invoker,
        destination: Destination | None,
        counters: Counters,
        processing_result: ProcessingResult,
        commit: Commit,
    ) -> None:
        self._settings = settings
        self._accounting = Accounting(settings, counters, processing_result, commit)
        envelope = Envelope(settings.topic, settings.bootstrap, settings.source_arn)
        self._batcher = Batcher(envelope, settings.batch_size, settings.window_seconds)
        self._function = Function(settings.function_arn, invoker, envelope, reports_failures=settings.reports_failures)
        self._on_failure = OnFailure(destination, envelope)
        self._concurrency = ConcurrencyLimit()
        self._refusal: str | None = None
        """Why the function did not take the last batch. None if it did."""
        self._in_flight: list[Batch] = []
        """The batches that the function has, of partitions that are owned."""
        self._ownership = Ownership(self._accounting)
        self._stopping = False
        self._changed = threading.Condition()

    def assign(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """Own the partitions of *offsets*, which holds their next offsets. Returns from where to read each."""
        with self._changed:
            read_from = self._ownership.assign(offsets)
            self._apply_ownership()
            return read_from

    def offer(self, polled: Mapping[int, Polled]) -> None:
        """Take what was polled, by partition number. Records of partitions that are not owned are ignored."""
        with self._changed:
            now = monotonic()
            for number, each in polled.items():
                if partition := self._ownership.owned.get(number):
                    self._accounting.add_polled(partition, each, now)
            self._start_due()

    def start_due(self) -> float:
        """Start what is due. Returns the seconds until more may be due, infinite if that depends on an event."""
        with self._changed:
            self._start_due()
            return max(0.0, self._next_due() - monotonic())

    def backlogs(self) -> dict[int, Backlog]:
        """Return the backlog of each owned partition."""
        with self._changed:
            return {
                number: Backlog(len(each.waiting), each.waiting_size, each.failures > 0)
                for number, each in self._ownership.owned.items()
            }

    def positions(self) -> dict[int, Position]:
        """Return the mapping's position in each owned partition."""
        with self._changed:
            return {number: Position(each.read_to, each.position) for number, each in self._ownership.owned.items()}

    def conditions(self) -> tuple[Condition, ...]:
        """Return what the dispatcher is doing, and what keeps records from being settled."""
        with self._changed:
            moment = Moment(monotonic(), datetime.now(UTC))
            owned = sorted(self._ownership.owned.values(), key=lambda each: each.number)
            return tuple(diagnose(owned, self._concurrency, self._refusal, self._settings.window_seconds, moment))

    def set_log_starts(self, offsets: Mapping[int, int]) -> None:
        """Set the first offsets that the topic still holds: earlier records are not retried any more (R4)."""
        with self._changed:
            for number, offset in offsets.items():
                if partition := self._ownership.owned.get(number):
                    partition.log_start = offset

    def wait(self, seconds: float) -> None:
        """Wait until the state changes, at most *seconds*."""
        with self._changed:
            self._changed.wait(seconds)

    @property
    def in_flight(self) -> bool:
        with self._changed:
            return any(partition.in_flight for partition in self._ownership.owned.values())

    def stop(self) -> None:
        """Start no more invocations and deliveries."""
        with self._changed:
            self._stopping = True

    def release(self, timeout: float) -> None:
        """Release every partition (C10), and wait up to *timeout* seconds for what is in flight."""
        with self._changed:
            leaving = self._ownership.release()
            self._apply_ownership()
            self._changed.wait_for(lambda: not any(partition.in_flight for partition in leaving), timeout)

    def forget(self) -> None:
        """Forget every partition, and ignore the results of what is in flight."""
        with self._changed:
            self._ownership.forget()
            self._apply_ownership()

    def _apply_ownership(self) -> None:
        """Adapt the invocations in flight, their bound and the reported result to the owned partitions."""
        is_current = self._ownership.is_current
        for batch in [each for each in self._in_flight if not any(is_current(partition) for partition, _ in each)]:
            self._in_flight.remove(batch)
            self._concurrency.abandon()
        self._concurrency.bound = maximum_concurrency(len(self._ownership.owned), self._settings.pollers)
        self._report_result()

    def _next_due(self) -> float:
        opens_at = self._concurrency.opens_at()
        moments = [
            max(each.not_before, 0.0 if each.pieces[0].condition else opens_at)
            for each in self._ownership.owned.values()
            if each.pieces and not each.in_flight
        ]
        if idle := self._idle():
            moments.append(max(self._batcher.window_end(idle), opens_at))
        return min(moments, default=float("inf"))

    def _idle(self) -> list[Partition]:
        return [partition for partition in self._ownership.owned.values() if partition.idle]

    def _start_due(self) -> None:
        if self._stopping:
            return
        now = monotonic()
        for partition in self._idle():
            if self._batcher.oversized(partition):
                partition.take_oversized()
        for partition in list(self._ownership.owned.values()):
            if partition.due(now):
                self._start(partition, now)
        while self._concurrency.opens_at() <= now and (batch := self._batcher.due(self._idle(), now)):
            self._send([(partition, partition.take(count)) for partition, count in batch], now)

    def _start(self, partition: Partition, now: float) -> None:
        """Deliver a first piece that is given up, or invoke the function with it if an invocation may start now."""
        work = partition.pieces[0]
        if work.condition:
            self._run(self._give_up, [(partition, work)])
        elif self._concurrency.opens_at() <= now:
            self._send([(partition, work)], now)

    def _send(self, batch: Batch, now: float) -> None:
        """Invoke the function with a batch, without the records that `policy.examine` gives up."""
        sent = []
        for partition, work in batch:
            pieces = policy.examine(work, self._settings, time.time() * 1000, partition.log_start)
            if pieces == (work,):
                sent.append((partition, work))
            else:
                partition.replace_first(pieces)
        if sent:
            self._concurrency.start()
            self._in_flight.append(sent)
            self._run(self._invoke, sent)
        for partition, work in batch:
            if partition.pieces[0] is not work:
                self._start(partition, now)

    def _run(self, target: Callable[[Batch], None], batch: Batch) -> None:
        for partition, _ in batch:
            partition.in_flight, partition.started = True, monotonic()
            self._ownership.move_last(partition)
        name = f"kafka-trigger-{self._settings.topic}"
        context = copy_context()  # carries the mapping's system log
        threading.Thread(target=context.run, args=(target, batch), name=name, daemon=True).start()

    def _invoke(self, batch: Batch) -> None:
        result = self._function.invoke({partition.number: work for partition, work in batch})
        with self._changed:
            now = monotonic()
            if batch in self._in_flight:
                self._in_flight.remove(batch)
                self._concurrency.end(now, refused=isinstance(result, Refusal))
                self._refusal = result.reason if isinstance(result, Refusal) else None
            if isinstance(result, Refusal):
                self._accounting.count_refusal()
            else:
                self._accounting.count_invocation(sum(len(work.records) for _, work in batch), result)
            for partition, work in batch:
                if not self._ownership.is_current(partition):
                    continue
                if isinstance(result, Refusal):
                    partition.requeue()
                else:
                    self._accounting.apply_outcome(partition, work, result, now)
            self._finish_change()

    def _give_up(self, batch: Batch) -> None:
        [(partition, work)] = batch
        delivery = self._on_failure.deliver(partition.number, work)
        with self._changed:
            if self._ownership.is_current(partition):
                step = self._accounting.apply_delivery(partition, work, delivery, monotonic())
                if step.lost:
                    partition.dropped = self._on_failure.log_dropped(partition.number, work, step.lost, delivery.reason)
            self._finish_change()

    def _finish_change(self) -> None:
        """Report the result, wake the waiting threads, and start what has become due."""
        self._report_result()
        self._changed.notify_all()
        self._start_due()

    def _report_result(self) -> None:
        self._accounting.report_result(self._ownership.owned.values(), refused=self._concurrency.blocked)
