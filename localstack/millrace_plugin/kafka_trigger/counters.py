"""X1: what a mapping has counted since it started; names as in the metrics of monitoring-metrics-types."""

from dataclasses import asdict, dataclass


@dataclass
class Counters:
    """`PolledEventCount` = FilteredOut + Committed + Dropped + Returned + in flight, at any moment.

    Committed counts events that an invocation has settled. Returned is ours: events given back unsettled when
    partitions are revoked or the mapping stops, which their next owner polls again.
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
