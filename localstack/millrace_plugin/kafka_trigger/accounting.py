"""Count what a mapping polls, settles and loses, request its commits, and report its LastProcessingResult (X1).

It has no lock of its own. The dispatcher holds its lock around every call.
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
    """Apply what happens to records to their partition, the counters and the commits.

    commit: called with partition and offset whenever a partition's settled prefix has grown. It must not block.
    """

    def __init__(
        self, settings: Settings, counters: Counters, processing_result: ProcessingResult, commit: Commit
    ) -> None:
        self._settings = settings
        self._counters = counters
        self._processing_result = processing_result
        self._commit = commit

    def add_polled(self, partition: Partition, polled: Polled, now: float) -> None:
        """Count what was polled and queue it in its partition."""
        self._counters.PolledEventCount += len(polled.records) + polled.filtered
        self._counters.FilteredOutEventCount += polled.filtered
        partition.add(polled, now)
        self._commit_if_grown(partition)

    def release_waiting(self, partition: Partition) -> None:
        """Drop a partition's waiting records, which its next owner reads again."""
        self._counters.ReturnedEventCount += partition.release()

    def resume(self, partition: Partition, offset: int) -> None:
        """Continue a partition that is assigned again, of which *offset* is committed."""
        partition.committed = offset
        self._commit_if_grown(partition)

    def count_returned(self, partitions: Iterable[Partition]) -> None:
        """Count the unsettled records of *partitions*, which their next owners read again."""
        self._counters.ReturnedEventCount += sum(partition.unsettled() for partition in partitions)

    def count_refusal(self) -> None:
        """Count an invocation that the function did not get."""
        self._counters.InvokeErrorCount += 1

    def count_invocation(self, count: int, result: Result) -> None:
        """Count an invocation with *count* records."""
        self._counters.InvokedEventCount += count
        if result.failed:
            self._counters.InvokeErrorCount += 1

    def apply_outcome(self, partition: Partition, work: Work, result: Result, now: float) -> None:
        """Apply the function's answer to a partition's share of a batch."""
        outcome = result.outcome(partition.number)
        step = policy.next_step(work, outcome, self._settings)
        self._counters.FailedInvokeEventCount += len(outcome.failed)
        self._counters.CommittedEventCount += step.settled
        if step.settled:
            partition.dropped = None
        self._advance(partition, step, now)

    def apply_delivery(self, partition: Partition, work: Work, delivery: Delivery, now: float) -> Step:
        """Apply a delivery to the destination, or the lack of one. Returns what follows from it."""
        step = policy.next_step(work, delivery, self._settings)
        partition.delivery_error = delivery.reason or None
        self._counters.DroppedEventCount += step.settled
        if self._settings.destination:
            self._counters.OnFailureDestinationDeliveredEventCount += delivery.delivered
            self._counters.OnFailureDestinationDeliveryErrorCount += bool(
                delivery.reason and not work.failed_deliveries
            )
        self._advance(partition, step, now)
        return step

    def report_result(self, partitions: Collection[Partition], *, refused: bool) -> None:
        """Report why records are not settled, or which ones were dropped last."""
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
