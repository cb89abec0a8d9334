"""The interface of on-failure destinations: what they are given and what they raise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from millrace_plugin.kafka_trigger.invoker import Answer
from millrace_plugin.kafka_trigger.payload import Record

Condition = Literal["RetriesExhausted", "RecordAgeExceeded", "MaximumPayloadSizeExceeded", "RecordNotRepresentable"]


@dataclass(frozen=True)
class Failure:
    """Records of one partition that are given up together."""

    partition: int
    records: Sequence[Record]
    """In offset order."""
    condition: Condition
    attempts: int
    """How often the function was invoked with them."""
    answer: Answer | None
    """The last failure. None if the function was never invoked with them."""


class DeliveryError(Exception):
    """Only the first *delivered* records are at the destination. The message is the reason of the next one."""

    def __init__(self, reason: str, delivered: int = 0) -> None:
        super().__init__(reason)
        self.delivered = delivered


class Destination(Protocol):
    name: str
    """The destination in the mapping's configuration: `kafka://<topic>` or an ARN."""
    deliveries: int | None
    """How often a delivery is tried before the records are dropped (R17). None means without end."""

    def deliver(self, failure: Failure) -> None:
        """Deliver all records of *failure*, in offset order.

        Raises:
            DeliveryError: not all were delivered; the rest must be retried.
        """
        ...

    def close(self) -> None: ...
