"""Sends what is due to the function and settles what comes back: the heart of a mapping, without Kafka or LocalStack.

One batch is in flight per partition (C1), each in a thread of its own while the poller reads on. Every change of state
happens under one lock, by whichever thread brings it; that thread also starts what has become due.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextvars import copy_context
from threading import Condition, Thread
from time import monotonic

from millrace_local.kafka_trigger import health as results
from millrace_local.kafka_trigger.backpressure import Held
from millrace_local.kafka_trigger.batcher import Batcher
from millrace_local.kafka_trigger.counters import Counters
from millrace_local.kafka_trigger.failure import DeliveryError, Destination, Failure
from millrace_local.kafka_trigger.health import Health
from millrace_local.kafka_trigger.invoker import Answer, Invoker, NotInvokedError
from millrace_local.kafka_trigger.offsets import Position
from millrace_local.kafka_trigger.partition import Partition, Work
from millrace_local.kafka_trigger.payload import Envelope, Record
from millrace_local.kafka_trigger.response import MalformedResponseError, failed_offsets
from millrace_local.kafka_trigger.settings import Settings

LOG = logging.getLogger(__name__)
Commit = Callable[[int, int], None]


class Dispatcher:
    """*commit* is told (partition, offset) whenever a partition's settled prefix has grown; it must not block."""

    def __init__(  # noqa: PLR0913, PLR0917 - the pieces of a mapping meet here
        self,
        settings: Settings,
        invoker: Invoker,
        destination: Destination | None,
        counters: Counters,
        health: Health,
        commit: Commit,
    ) -> None:
        self._settings = settings
        self._invoker = invoker
        self._destination = destination
        self._counters = counters
        self._health = health
        self._commit = commit
        self._envelope = Envelope(settings.topic, settings.bootstrap, settings.source_arn)
        self._batcher = Batcher(self._envelope, settings.batch_size, settings.window_seconds)
        self._partitions: dict[int, Partition] = {}
        self._released: dict[int, Partition] = {}
        """Given back, until it is known whether we get them again."""
        self._stopping = False
        self._changed = Condition()

    def assign(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """Take on partitions whose next offset is that in *offsets*; gives from where to read each.

        A partition that comes back goes on with what is in flight, if nobody has settled more of it meanwhile. What is
        left of those that do not come back is their new owner's.
        """
        with self._changed:
            for number, offset in offsets.items():
                before = self._released.pop(number, None)
                if before and offset <= before.position:
                    self._partitions[number] = before
                    if offset < before.position:
                        self._commit(number, before.position)
                else:
                    self._return_unsettled([before] if before else [])
                    self._partitions[number] = Partition(number, position=offset)
            self._return_unsettled(self._released.values())
            self._released.clear()
            self._tell_health()
            return {number: self._partitions[number].read_to for number in offsets}

    def offer(self, records: Mapping[int, Sequence[Record]]) -> None:
        """Take polled records by partition number; those of partitions that are not ours are left to their owner."""
        with self._changed:
            now = monotonic()
            for number, polled in records.items():
                if partition := self._partitions.get(number):
                    self._counters.PolledEventCount += len(polled)
                    partition.add(polled, now)
            self._start_due()

    def start_due(self) -> float:
        """Start what is due now; gives the seconds until more may be due (infinite if only records can change that)."""
        with self._changed:
            self._start_due()
            return max(0.0, self._next_due() - monotonic())

    def held(self) -> dict[int, Held]:
        """What each partition holds back."""
        with self._changed:
            return {
                number: Held(len(each.waiting), each.waiting_size, each.setbacks > 0)
                for number, each in self._partitions.items()
            }

    def positions(self) -> dict[int, Position]:
        """Return where the mapping is in each partition that it owns."""
        with self._changed:
            return {number: Position(each.read_to, each.position) for number, each in self._partitions.items()}

    def wait(self, seconds: float) -> None:
        """Wait until something is settled, for *seconds* at most."""
        with self._changed:
            self._changed.wait(seconds)

    @property
    def in_flight(self) -> bool:
        return any(partition.busy for partition in self._partitions.values())

    def stop(self) -> None:
        """Start nothing more."""
        with self._changed:
            self._stopping = True

    def release(self, timeout: float) -> None:
        """Give every partition back (C10): start nothing for them, and wait for what is in flight for *timeout*."""
        with self._changed:
            leaving = list(self._partitions.values())
            for partition in leaving:
                self._counters.ReturnedEventCount += partition.give_back()
            self._released |= self._partitions
            self._partitions.clear()
            self._changed.wait_for(lambda: not any(partition.busy for partition in leaving), timeout)
            self._tell_health()

    def forget(self) -> None:
        """Forget every partition, whatever is in flight: its result will not count."""
        with self._changed:
            for partitions in (self._partitions, self._released):
                self._return_unsettled(partitions.values())
                partitions.clear()
            self._tell_health()

    def _return_unsettled(self, partitions: Iterable[Partition]) -> None:
        self._counters.ReturnedEventCount += sum(partition.unsettled() for partition in partitions)

    def _next_due(self) -> float:
        moments = [each.not_before for each in self._partitions.values() if each.work and not each.busy]
        if idle := self._idle():
            moments.append(self._batcher.window_end(idle))
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
        for partition in self._partitions.values():
            if partition.due(now) and (work := partition.work):
                partition.busy = True
                self._in_thread(self._give_up if work.spent else self._retry, partition, work)
        while batch := self._batcher.due(self._idle(), now):
            sent = [(partition, partition.take(count)) for partition, count in batch]
            self._in_thread(self._invoke, sent)

    def _in_thread(self, target: Callable[..., None], *arguments: object) -> None:
        name = f"kafka-trigger-{self._settings.topic}"
        context = copy_context()  # with the mapping's system log
        Thread(target=context.run, args=(target, *arguments), name=name, daemon=True).start()

    def _retry(self, partition: Partition, work: Work) -> None:
        self._invoke([(partition, work.records)])

    def _invoke(self, sent: Sequence[tuple[Partition, Sequence[Record]]]) -> None:
        event = self._envelope.event({partition.number: records for partition, records in sent})
        try:
            answer = self._invoker.invoke(event)
        except NotInvokedError as error:
            LOG.warning("%s did not take a batch of %s: %s", self._settings.function_arn, self._settings.topic, error)
            answer = None
        except Exception:
            LOG.exception("%s could not be invoked.", self._settings.function_arn)
            answer = None
        with self._changed:
            self._settle(sent, answer, self._failures(sent, answer) if answer else {})
            self._changed.notify_all()
            self._start_due()

    def _failures(
        self, sent: Sequence[tuple[Partition, Sequence[Record]]], answer: Answer
    ) -> dict[str, Collection[int]]:
        """The failed offsets by partition label: none, those reported, or all (R7 to R10)."""
        offsets = {
            self._envelope.label(partition.number): {each.offset for each in records} for partition, records in sent
        }
        if answer.function_error:
            LOG.warning("%s failed: %s", self._settings.function_arn, answer.payload[:500].decode(errors="replace"))
            return dict(offsets)
        if not self._settings.reports_failures:
            return {}
        try:
            return dict(failed_offsets(answer.payload, offsets))
        except MalformedResponseError as error:
            LOG.warning("%s: the entire batch is retried. %s", self._settings.function_arn, error)
            return dict(offsets)

    def _settle(
        self,
        sent: Sequence[tuple[Partition, Sequence[Record]]],
        answer: Answer | None,
        failures: Mapping[str, Collection[int]],
    ) -> None:
        now = monotonic()
        if answer:
            self._counters.InvokedEventCount += sum(len(records) for _, records in sent)
        if not answer or failures:
            self._counters.InvokeErrorCount += 1
        for partition, _ in sent:
            if not self._owns(partition):
                continue
            before = partition.position
            if answer is None:
                partition.postpone(now)
            elif failed := failures.get(self._envelope.label(partition.number)):
                self._counters.FailedInvokeEventCount += len(failed)
                settled = partition.fail(failed, answer, self._settings.maximum_retries, now)
                self._counters.CommittedEventCount += settled
            else:
                self._counters.CommittedEventCount += partition.settle(now)
            self._commit_if_grown(partition, before)
        self._tell_health()

    def _give_up(self, partition: Partition, work: Work) -> None:
        """Deliver spent records to the destination, if there is one, then leave them (B8, R16, R17)."""
        spent, undelivered = work.spent, ""
        delivered = len(spent)
        if self._destination:
            try:
                self._destination.deliver(Failure(partition.number, spent, work.condition, work.attempts, work.answer))
            except DeliveryError as error:
                delivered, undelivered = error.delivered, str(error)
            except Exception as error:
                LOG.exception("The destination of %s failed.", self._settings.topic)
                delivered, undelivered = 0, str(error)
        self._log_given_up(partition, work, spent[:delivered], undelivered)
        with self._changed:
            if self._owns(partition):
                self._count_given_up(delivered, undelivered)
                before = partition.position
                if undelivered:
                    partition.delivered(delivered, monotonic())
                else:
                    partition.settle(monotonic())
                self._commit_if_grown(partition, before)
                self._tell_health()
            self._changed.notify_all()
            self._start_due()

    def _count_given_up(self, dropped: int, undelivered: str) -> None:
        self._counters.DroppedEventCount += dropped
        if self._destination:
            self._counters.OnFailureDestinationDeliveredEventCount += dropped
        if undelivered:
            self._counters.OnFailureDestinationDeliveryErrorCount += 1

    def _log_given_up(self, partition: Partition, work: Work, dropped: Sequence[Record], undelivered: str) -> None:
        label = self._envelope.label(partition.number)
        if dropped:
            where = self._destination.name if self._destination else "nowhere"
            offsets = f"{dropped[0].offset} to {dropped[-1].offset}"
            LOG.warning("%s: %d records of %s, %s, go to %s.", work.condition, len(dropped), label, offsets, where)
        if undelivered:
            LOG.error("%s waits: its failed records could not be delivered: %s", label, undelivered)

    def _owns(self, partition: Partition) -> bool:
        """Whether a result still counts: a partition of somebody else is delivered again by its new owner (C10)."""
        number = partition.number
        return self._partitions.get(number) is partition or self._released.get(number) is partition

    def _commit_if_grown(self, partition: Partition, before: int) -> None:
        if partition.position > before:
            self._commit(partition.number, partition.position)

    def _tell_health(self) -> None:
        stuck = [each.work for each in self._partitions.values() if each.work and each.setbacks]
        if any(not work.spent for work in stuck):
            self._health.function(results.FUNCTION_FAILED)
        else:
            self._health.function(results.DESTINATION_FAILED if stuck else None)
