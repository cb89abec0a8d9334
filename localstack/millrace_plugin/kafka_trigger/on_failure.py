"""Deliver records that are given up to the on-failure destination, or drop them (B8, R15 to R17)."""

import logging
from collections.abc import Sequence
from itertools import pairwise

from millrace_plugin.kafka_trigger.failure import DeliveryError, Destination, Failure
from millrace_plugin.kafka_trigger.payload import Envelope, Record
from millrace_plugin.kafka_trigger.policy import Delivery, Work

LOG = logging.getLogger(__name__)
NO_DESTINATION = Delivery(0, "there is no on-failure destination", limit=1)


class OnFailure:
    """Deliver to the destination of a mapping, if it has one. `deliver` blocks; several threads may call it at a time."""

    def __init__(self, destination: Destination | None, envelope: Envelope) -> None:
        self._destination = destination
        self._envelope = envelope

    def deliver(self, partition: int, work: Work) -> Delivery:
        """Try once to deliver the records of *work*. Returns how many are delivered, and why the others are not."""
        if self._destination is None or work.condition is None:
            return NO_DESTINATION
        failure = Failure(partition, work.records, work.condition, work.attempts, work.answer)
        try:
            self._destination.deliver(failure)
        except DeliveryError as error:
            delivery = Delivery(error.delivered, str(error), self._destination.deliveries)
        except Exception as error:
            LOG.exception("The destination of %s failed.", self._envelope.topic)
            delivery = Delivery(0, str(error) or type(error).__name__, self._destination.deliveries)
        else:
            delivery = Delivery(len(work.records))
        self._log(partition, work, delivery, self._destination.name)
        return delivery

    def log_dropped(self, partition: int, work: Work, lost: Sequence[Record], reason: str) -> str:
        """Log dropped records as an error. Returns the line for `LastProcessingResult`."""
        what = self._describe(partition, work, lost)
        LOG.error("%s are dropped: %s.", what, reason)
        return f"PROBLEM: {what} were dropped: {reason}"

    def _log(self, partition: int, work: Work, delivery: Delivery, name: str) -> None:
        if delivered := work.records[: delivery.delivered]:
            LOG.warning("%s go to %s.", self._describe(partition, work, delivered), name)
        if delivery.reason:
            waiting = self._describe(partition, work, work.records[delivery.delivered :])
            LOG.error("%s could not be delivered: %s", waiting, delivery.reason)

    def _describe(self, partition: int, work: Work, records: Sequence[Record]) -> str:
        problem = next((f" ({record.problem})" for record in records if record.problem), "")
        where = f"{self._envelope.label(partition)}, {offsets(records)}"
        return f"{work.condition}{problem}: {len(records)} records of {where},"


def offsets(records: Sequence[Record]) -> str:
    """Return the offsets of *records* in words, with ranges, such as `offsets 2, 5 to 9`."""
    found = [record.offset for record in records]
    firsts = [found[0], *(after for before, after in pairwise(found) if after != before + 1)]
    lasts = [*(before for before, after in pairwise(found) if after != before + 1), found[-1]]
    ranges = [str(first) if first == last else f"{first} to {last}" for first, last in zip(firsts, lasts, strict=True)]
    return f"{'offset' if len(found) == 1 else 'offsets'} {', '.join(ranges)}"
