"""One batch on its way to the function and back: the event, the call, and which records have failed (R7 to R10)."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from millrace_plugin.kafka_trigger.invoker import Answer, Invoker, NotInvokedError
from millrace_plugin.kafka_trigger.payload import Envelope
from millrace_plugin.kafka_trigger.policy import Outcome, Work
from millrace_plugin.kafka_trigger.response import MalformedResponseError, parse_failed_offsets

LOG = logging.getLogger(__name__)
Batch = Mapping[int, Work]
"""Each partition's share."""


@dataclass(frozen=True)
class Result:
    answer: Answer
    failed: Mapping[int, Collection[int]] = field(default_factory=dict)
    """The failed offsets of each partition that has any."""

    def outcome(self, partition: int) -> Outcome:
        failed = self.failed.get(partition, ())
        return Outcome(self.answer, failed, alone=len(self.failed) <= 1)


class Function:
    """The function of a mapping; `invoke` blocks and may run in several threads at a time."""

    def __init__(self, arn: str, invoker: Invoker, envelope: Envelope, *, reports_failures: bool) -> None:
        self._arn = arn
        self._invoker = invoker
        self._envelope = envelope
        self._reports_failures = reports_failures

    def invoke(self, batch: Batch) -> Result | None:
        """Give the function a batch. Returns None if it did not get it (C8)."""
        event = self._envelope.event({number: work.records for number, work in batch.items()})
        try:
            answer = self._invoker.invoke(event)
        except NotInvokedError as error:
            LOG.warning("%s did not take a batch of %s: %s", self._arn, self._envelope.topic, error)
            return None
        except Exception:
            LOG.exception("%s could not be invoked.", self._arn)
            return None
        return Result(answer, self._failed(batch, answer))

    def _failed(self, batch: Batch, answer: Answer) -> Mapping[int, Collection[int]]:
        """Return what failed: nothing, the records reported, or all."""
        everything = {number: {record.offset for record in work.records} for number, work in batch.items()}
        if answer.function_error:
            LOG.warning("%s failed: %s", self._arn, answer.payload[:500].decode(errors="replace"))
            return everything
        if not self._reports_failures:
            return {}
        numbers = {self._envelope.label(number): number for number in batch}
        try:
            reported = parse_failed_offsets(answer.payload, {label: everything[numbers[label]] for label in numbers})
        except MalformedResponseError as error:
            LOG.warning("%s: the entire batch is retried. %s", self._arn, error)
            return everything
        return {numbers[label]: offsets for label, offsets in reported.items()}
