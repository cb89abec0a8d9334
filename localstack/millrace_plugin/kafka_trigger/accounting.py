"""Keeps the books of a mapping: what was polled, settled and lost, as counters, commits and `LastProcessingResult` (X1).

No lock of its own: the dispatcher holds its lock around every call.
"""

from collections.abc import Callable, Collection, Iterable

from millrace_plugin.kafka_trigger import policy
from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.invocation import Result
from millrace_plugin.kafka_trigger.partition import Partition, Polled
from millrace_plugin.kafka_trigger.policy import Delivery, Step, Work
from millrace_plugin.kafka_trigger.processing_result import DESTINATION_FAILED, FUNCTION_FAILED, ProcessingResult
from millrace_plugin.kafka_trigger.settings import Settings

Commit = Callable[[int, int], None]


class Accounting:
    """*commit* is called with (partition, offset) whenever what is settled of a partition has grown."""

    def __init__(
        self, settings: Settings, counters: Counters, processing_result: ProcessingResult, commit: Commit
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._processing_result = processing_result
        self._commit = commit

    def add_polled(self, partition: Partition, polled: Polled, now: float) -> None:
        self._counters.PolledEventCount += len(polled.records) + polled.filtered
        self._counters.FilteredOutEventCount += polled.filtered
        partition.add(polled, now)
        self._commit_if_grown(partition)

    def release_waiting(self, partition: Partition) -> None:
        """Note that what waits is left to the partition's next owner."""
        self._counters.ReturnedEventCount += partition.release()

    def resume(self, partition: Partition, offset: int) -> None:
        """Note that we own a partition again, of which *offset* was committed meanwhile."""
        partition.committed = offset
        self._commit_if_grown(partition)

    def count_returned(self, partitions: Iterable[Partition]) -> None:
        """Note that what is not settled of *partitions* is left to their next owners."""
        self._counters.ReturnedEventCount += sum(partition.unsettled() for partition in partitions)

    def count_refusal(self) -> None:
        self._counters.InvokeErrorCount += 1

    def count_invocation(self, count: int, result: Result) -> None:
        """Note an invocation with *count* records."""
        self._counters.InvokedEventCount += count
        if result.failed:
            self._counters.InvokeErrorCount += 1

    def apply_outcome(self, partition: Partition, work: Work, result: Result, now: float) -> None:
        """Note what the function made of a partition's share of a batch."""
        outcome = result.outcome(partition.number)
        step = policy.next_step(work, outcome, self._settings)
        self._counters.FailedInvokeEventCount += len(outcome.failed)
        self._counters.CommittedEventCount += step.settled
        if step.settled:
            partition.dropped = None
        self._advance(partition, step, now)

    def apply_delivery(self, partition: Partition, work: Work, delivery: Delivery, now: float) -> Step:
        """Note a delivery to the destination, or that there is none."""
        step = policy.next_step(work, delivery, self._settings)
        self._counters.DroppedEventCount += step.settled
        if self._settings.destination:
            self._counters.OnFailureDestinationDeliveredEventCount += delivery.delivered
            self._counters.OnFailureDestinationDeliveryErrorCount += bool(
                delivery.reason and not work.failed_deliveries
            )
        self._advance(partition, step, now)
        return step

    def report_result(self, partitions: Collection[Partition], *, refused: bool) -> None:
        """Report why something is not settled, or what was lost last."""
        losses = (each.dropped for each in partitions if each.dropped)
        if refused or any(each.failing for each in partitions):
            self._processing_result.set_function_problem(FUNCTION_FAILED)
        elif any(each.failures for each in partitions):
            self._processing_result.set_function_problem(DESTINATION_FAILED)
        else:
            self._processing_result.set_function_problem(next(losses, None))

    def _advance(self, partition: Partition, step: Step, now: float) -> None:
        partition.advance(step, now)
        self._commit_if_grown(partition)

    def _commit_if_grown(self, partition: Partition) -> None:
        if partition.position > partition.committed:
            partition.committed = partition.position
            self._commit(partition.number, partition.committed)
