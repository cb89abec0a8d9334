"""What has failed for good, and the places it can go: what every on-failure destination is given and raises."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.payload import Record

Condition = Literal["RetriesExhausted", "RecordAgeExceeded", "MaximumPayloadSizeExceeded", "RecordNotRepresentable"]


@dataclass(frozen=True)
class Failure:
    """Records of one partition that are given up together, in offset order."""

    partition: int
    records: Sequence[Record]
    condition: Condition
    attempts: int
    """How often the function was given them; 0 if never."""
    answer: Answer | None
    """The last failure's; None if the function was never given them."""


class DeliveryError(Exception):
    """Only the first *delivered* records are at the destination; the message says why the next is not."""

    def __init__(self, reason: str, delivered: int = 0) -> None:
        super().__init__(reason)
        self.delivered = delivered


class Destination(Protocol):
    name: str
    """As the mapping's configuration has it: `kafka://<topic>` or an ARN."""
    deliveries: int | None
    """How often a delivery is tried before the records are dropped (R17); None is for ever."""

    def deliver(self, failure: Failure) -> None:
        """Deliver all records of *failure*, in offset order.

        Raises:
            DeliveryError: not all of them could be delivered; the rest must be tried again.
        """
        ...

    def close(self) -> None: ...
