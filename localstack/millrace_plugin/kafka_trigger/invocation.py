"""Invoke the function with a batch and find out which records failed (R7 to R10)."""

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from millrace_plugin.kafka_trigger.invoker import Answer, Invoker, NotInvokedError
from millrace_plugin.kafka_trigger.payload import Envelope
from millrace_plugin.kafka_trigger.policy import Outcome, Work
from millrace_plugin.kafka_trigger.response import MalformedResponseError, parse_failed_offsets

LOG = logging.getLogger(__name__)
Batch = Mapping[int, Work]
"""Each partition's share, by its number."""


@dataclass(frozen=True)
class Refusal:
    """The batch did not reach the function (C8), for this reason."""

    reason: str


@dataclass(frozen=True)
class Result:
    answer: Answer
    failed: Mapping[int, Collection[int]] = field(default_factory=dict)
    """The failed offsets, by partition number. Partitions without failures are left out."""

    def outcome(self, partition: int) -> Outcome:
        """Return the outcome for the records of one partition."""
        failed = self.failed.get(partition, ())
        return Outcome(self.answer, failed, alone=len(self.failed) <= 1)


class Function:
    """Invoke the function of a mapping. `invoke` blocks; several threads may call it at a time."""

    def __init__(self, arn: str, invoker: Invoker, envelope: Envelope, *, reports_failures: bool) -> None:
        self._arn = arn
        self._invoker = invoker
        self._envelope = envelope
        self._reports_failures = reports_failures

    def invoke(self, batch: Batch) -> Result | Refusal:
        """Invoke the function with *batch*."""
        event = self._envelope.event({number: work.records for number, work in batch.items()})
        try:
            answer = self._invoker.invoke(event)
        except NotInvokedError as error:
            LOG.warning("%s did not take a batch of %s: %s", self._arn, self._envelope.topic, error)
            return Refusal(str(error))
        except Exception as error:
            LOG.exception("%s could not be invoked.", self._arn)
            return Refusal(str(error) or type(error).__name__)
        return Result(answer, self._failed(batch, answer))

    def _failed(self, batch: Batch, answer: Answer) -> Mapping[int, Collection[int]]:
        """Return the failed offsets by partition number: none, those reported, or all."""
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
