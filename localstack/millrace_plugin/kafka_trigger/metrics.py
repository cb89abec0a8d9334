"""Build the metrics that a mapping publishes in the namespace AWS/Lambda (monitoring-metrics-types, section 12).

OffsetLag and DestinationDeliveryFailures are metrics of the function and always published. The groups of MetricsConfig
are metrics of the mapping and published if it lists them.

Decision X1b: CommittedEventCount counts settled events, shortly before the broker confirms the commit. As on AWS it
includes filtered and dropped events, and DroppedEventCount leaves out those that a destination got.

Decision: ProvisionedPollers, EventPollerUnit and EventPollerThroughputInBytes are left out, because a local mapping has
one consumer, whatever ProvisionedPollerConfig says.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from millrace_plugin.kafka_trigger.function_arn import parse_function_arn
from millrace_plugin.kafka_trigger.offsets import PartitionOffsets, total_lag
from millrace_plugin.kafka_trigger.settings import Settings

NAMESPACE = "AWS/Lambda"
Counts = Mapping[str, int]
Datum = dict[str, Any]

SHOWN_AT_ZERO = ("PolledEventCount", "FilteredOutEventCount")  # on AWS an empty poll shows that the mapping polls
EVENT_COUNT: dict[str, Callable[[Counts], int]] = {
    "PolledEventCount": lambda counts: counts["PolledEventCount"],
    "FilteredOutEventCount": lambda counts: counts["FilteredOutEventCount"],
    "InvokedEventCount": lambda counts: counts["InvokedEventCount"],
    "FailedInvokeEventCount": lambda counts: counts["FailedInvokeEventCount"],
    "DroppedEventCount": lambda counts: counts["DroppedEventCount"] - counts["OnFailureDestinationDeliveredEventCount"],
    "OnFailureDestinationDeliveredEventCount": lambda counts: counts["OnFailureDestinationDeliveredEventCount"],
    "CommittedEventCount": lambda counts: (
        counts["CommittedEventCount"] + counts["FilteredOutEventCount"] + counts["DroppedEventCount"]
    ),
}
ERROR_COUNT = (
    "PollingErrorCount",
    "InvokeErrorCount",
    "OnFailureDestinationDeliveryErrorCount",
    "CommitErrorCount",
)
"""Published only if there are errors. SchemaRegistryErrorCount is missing, because there is no schema registry."""


def build_metric_data(
    settings: Settings, counts: Counts, offsets: Sequence[PartitionOffsets], now: datetime
) -> list[Datum]:
    """Return the MetricData of one publication.

    counts: the mapping's counters since the last publication.
    offsets: of all partitions of the topic. Empty if they are unknown; then no lag is published.
    """
    function = {"FunctionName": parse_function_arn(settings.function_arn).name}
    mapping = {"EventSourceMappingUUID": settings.uuid}
    values = [(function, *value) for value in _of_function(counts, offsets)]
    values += [(mapping, *value) for value in _of_mapping(settings, counts, offsets)]
    return [
        {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": each} for key, each in dimensions.items()],
            "Timestamp": now,
            "Value": value,
            "Unit": "Count",
        }
        for dimensions, name, value in values
    ]


def _of_function(counts: Counts, offsets: Sequence[PartitionOffsets]) -> Iterator[tuple[str, int]]:
    if offsets:
        yield "OffsetLag", total_lag(offsets)
    if failures := counts["OnFailureDestinationDeliveryErrorCount"]:
        yield "DestinationDeliveryFailures", failures


def _of_mapping(settings: Settings, counts: Counts, offsets: Sequence[PartitionOffsets]) -> Iterator[tuple[str, int]]:
    if offsets:
        yield "OffsetLag", total_lag(offsets)
    if "EventCount" in settings.metrics:
        for name, count in EVENT_COUNT.items():
            if (value := count(counts)) or name in SHOWN_AT_ZERO:
                yield name, value
    if "ErrorCount" in settings.metrics:
        yield from ((name, counts[name]) for name in ERROR_COUNT if counts[name])
    if "KafkaMetrics" in settings.metrics and offsets:
        yield "MaxOffsetLag", max(each.lag for each in offsets)
        yield "SumOffsetLag", total_lag(offsets)
