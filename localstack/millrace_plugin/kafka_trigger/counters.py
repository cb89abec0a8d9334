"""The counters of a mapping since it started (X1), with the names of AWS's metrics (monitoring-metrics-types)."""

from dataclasses import asdict, dataclass


@dataclass
class Counters:
    """Counts of events and errors. At any moment Polled = FilteredOut + Committed + Dropped + Returned + in flight.

    Committed counts events that an invocation has settled. Returned is not AWS's: it counts unsettled events of
    partitions that are revoked or stopped, which their next owner polls again.
    """

    PolledEventCount: int = 0
    FilteredOutEventCount: int = 0
    InvokedEventCount: int = 0
    FailedInvokeEventCount: int = 0
    DroppedEventCount: int = 0
    OnFailureDestinationDeliveredEventCount: int = 0
    CommittedEventCount: int = 0
    ReturnedEventCount: int = 0
    PollingErrorCount: int = 0
    InvokeErrorCount: int = 0
    OnFailureDestinationDeliveryErrorCount: int = 0
    CommitErrorCount: int = 0

    def as_dict(self) -> dict[str, int]:
        return asdict(self)
