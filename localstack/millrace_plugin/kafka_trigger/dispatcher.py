"""Starts what is due and notes what becomes of it: the heart of a mapping, without Kafka or LocalStack.

One piece of work is in flight per partition (C1), each in a thread of its own while the poller reads on. Every change
of state happens under one lock, by whichever thread brings it; that thread also starts what has become due.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextvars import copy_context
from threading import Condition, Thread
from time import monotonic

from millrace_plugin.kafka_trigger import policy
from millrace_plugin.kafka_trigger.accounting import Accounting, Commit
from millrace_plugin.kafka_trigger.backpressure import Backlog
from millrace_plugin.kafka_trigger.batcher import Batcher
from millrace_plugin.kafka_trigger.concurrency import ConcurrencyLimit, maximum_concurrency
from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.failure import Destination
from millrace_plugin.kafka_trigger.invocation import Function
from millrace_plugin.kafka_trigger.invoker import Invoker
from millrace_plugin.kafka_trigger.offsets import Position
from millrace_plugin.kafka_trigger.on_failure import OnFailure
from millrace_plugin.kafka_trigger.partition import Partition, Polled
from millrace_plugin.kafka_trigger.payload import Envelope
from millrace_plugin.kafka_trigger.policy import Work
from millrace_plugin.kafka_trigger.processing_result import ProcessingResult
from millrace_plugin.kafka_trigger.settings import Settings

Batch = Sequence[tuple[Partition, Work]]


class Dispatcher:
    """*commit* is told (partition, offset) whenever a partition's settled prefix has grown; it must not block."""

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
        self._in_flight: list[Batch] = []
        """What the function has, of partitions that are ours."""
        self._partitions: dict[int, Partition] = {}
        """By number, in the order in which their turn comes: the one that was served last is the last."""
        self._released: dict[int, Partition] = {}
        """Given back, until it is known whether we get them again."""
        self._stopping = False
        self._changed = Condition()

    def assign(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """Own the partitions whose next offset is that in *offsets*. Returns from where to read each.

        A partition that comes back goes on with what is in flight, if nobody has settled more of it meanwhile. What is
        left of those that do not come back is their new owner's.
        """
        with self._changed:
            owned = {}
            for number, offset in offsets.items():
                before = self._released.get(number)
                if before and offset <= before.position:
                    owned[number] = self._released.pop(number)
                    self._accounting.resume(before, offset)
                else:
                    owned[number] = Partition(number, committed=offset, read_to=offset)
            self._accounting.count_returned(self._released.values())
            self._released.clear()
            self._set_owned(self._partitions | owned)
            return {number: partition.read_to for number, partition in owned.items()}

    def offer(self, polled: Mapping[int, Polled]) -> None:
        """Take what was polled by partition number; what is of partitions that are not ours is left to their owner."""
        with self._changed:
            now = monotonic()
            for number, each in polled.items():
                if partition := self._partitions.get(number):
                    self._accounting.add_polled(partition, each, now)
            self._start_due()

    def start_due(self) -> float:
        """Start what is due. Returns the seconds until more may be; infinite if only an event can change that."""
        with self._changed:
            self._start_due()
            return max(0.0, self._next_due() - monotonic())

    def backlogs(self) -> dict[int, Backlog]:
        """Return what each partition holds back."""
        with self._changed:
            return {
                number: Backlog(len(each.waiting), each.waiting_size, each.failures > 0)
                for number, each in self._partitions.items()
            }

    def positions(self) -> dict[int, Position]:
        """Return where the mapping is in each partition that it owns."""
        with self._changed:
            return {number: Position(each.read_to, each.position) for number, each in self._partitions.items()}

    def set_log_starts(self, offsets: Mapping[int, int]) -> None:
        """Note the offsets at which partitions begin now: what was before them is not retried for ever (R4)."""
        with self._changed:
            for number, offset in offsets.items():
                if partition := self._partitions.get(number):
                    partition.log_start = offset

    def wait(self, seconds: float) -> None:
        """Wait until something is settled, for *seconds* at most."""
        with self._changed:
            self._changed.wait(seconds)

    @property
    def in_flight(self) -> bool:
        with self._changed:
            return any(partition.in_flight for partition in self._partitions.values())

    def stop(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._stopping = True

    def release(self, timeout: float) -> None:
        """Give every partition back (C10): start nothing for them, and wait for what is in flight for *timeout*."""
        with self._changed:
            leaving = self._partitions
            for partition in leaving.values():
                self._accounting.release_waiting(partition)
            self._released |= leaving
            self._set_owned({})
            self._changed.wait_for(lambda: not any(partition.in_flight for partition in leaving.values()), timeout)

    def forget(self) -> None:
        """Forget every partition, whatever is in flight: its result will not count."""
        with self._changed:
            self._accounting.count_returned([*self._partitions.values(), *self._released.values()])
            self._released.clear()
            self._set_owned({})

    def _set_owned(self, partitions: Mapping[int, Partition]) -> None:
        """Own just these *partitions* from now on."""
        self._partitions = dict(partitions)
        for batch in [each for each in self._in_flight if not any(self._owns(partition) for partition, _ in each)]:
            self._in_flight.remove(batch)
            self._concurrency.abandon()
        self._concurrency.bound = maximum_concurrency(len(partitions), self._settings.pollers)
        self._report_result()

    def _next_due(self) -> float:
        opens_at = self._concurrency.opens_at()
        moments = [
            max(each.not_before, 0.0 if each.pieces[0].condition else opens_at)
            for each in self._partitions.values()
            if each.pieces and not each.in_flight
        ]
        if idle := self._idle():
            moments.append(max(self._batcher.window_end(idle), opens_at))
        return min(moments, default=float("inf"))

    def _idle(self) -> list[Partition]:
        return [partition for partition in self._partitions.values() if partition.idle]

    def _start_due(self) -> None:
        if self._stopping:
            return
        now = monotonic()
        for partition in self._idle():
            if self._batcher.oversized(partition):
                partition.take_oversized()
        for partition in list(self._partitions.values()):
            if partition.due(now):
                self._start(partition, now)
        while self._concurrency.opens_at() <= now and (batch := self._batcher.due(self._idle(), now)):
            self._send([(partition, partition.take(count)) for partition, count in batch], now)

    def _start(self, partition: Partition, now: float) -> None:
        """Give up a partition's first piece, or invoke the function with it if that is possible now."""
        work = partition.pieces[0]
        if work.condition:
            self._run(self._give_up, [(partition, work)])
        elif self._concurrency.opens_at() <= now:
            self._send([(partition, work)], now)

    def _send(self, batch: Batch, now: float) -> None:
        """Invoke the function with what of a batch may be invoked; the rest is given up, partition by partition."""
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
            partition.in_flight = True
            self._partitions[partition.number] = self._partitions.pop(partition.number)
        name = f"kafka-trigger-{self._settings.topic}"
        context = copy_context()  # with the mapping's system log
        Thread(target=context.run, args=(target, batch), name=name, daemon=True).start()

    def _invoke(self, batch: Batch) -> None:
        result = self._function.invoke({partition.number: work for partition, work in batch})
        with self._changed:
            now = monotonic()
            if batch in self._in_flight:
                self._in_flight.remove(batch)
                self._concurrency.end(now, refused=result is None)
            if result is None:
                self._accounting.count_refusal()
            else:
                self._accounting.count_invocation(sum(len(work.records) for _, work in batch), result)
            for partition, work in batch:
                if not self._owns(partition):
                    continue
                if result is None:
                    partition.requeue()
                else:
                    self._accounting.apply_outcome(partition, work, result, now)
            self._finish_change()

    def _give_up(self, batch: Batch) -> None:
        [(partition, work)] = batch
        delivery = self._on_failure.deliver(partition.number, work)
        with self._changed:
            if self._owns(partition):
                step = self._accounting.apply_delivery(partition, work, delivery, monotonic())
                if step.lost:
                    partition.dropped = self._on_failure.log_dropped(partition.number, work, step.lost, delivery.reason)
            self._finish_change()

    def _finish_change(self) -> None:
        """Start what has become due by a change, and notify those who wait for it."""
        self._report_result()
        self._changed.notify_all()
        self._start_due()

    def _report_result(self) -> None:
        self._accounting.report_result(self._partitions.values(), refused=self._concurrency.blocked)

    def _owns(self, partition: Partition) -> bool:
        """Return whether a result still counts: what is somebody else's now is delivered again by its owner (C10)."""
        number = partition.number
        return self._partitions.get(number) is partition or self._released.get(number) is partition
