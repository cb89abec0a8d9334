"""The metrics of a mapping, rule by rule (section 12)."""

from datetime import UTC, datetime

import pytest

from millrace_plugin.kafka_trigger.counters import Counters
from millrace_plugin.kafka_trigger.metrics import build_metric_data
from millrace_plugin.kafka_trigger.offsets import PartitionOffsets
from millrace_plugin.kafka_trigger.settings import Settings
from tests.local_cloud.kafka_trigger.conftest import FUNCTION_ARN

type Offsets = tuple[PartitionOffsets, ...]
NOW = datetime(2026, 1, 1, tzinfo=UTC)
OFFSETS = (PartitionOffsets(0, end=10, committed=7, earliest=0), PartitionOffsets(1, end=5, committed=None, earliest=3))


def published(counters: Counters, *groups: str, offsets: Offsets = ()) -> dict[tuple[str, str], int]:
    """Return the values by the dimension's name and the metric's."""
    settings = Settings("uuid-1", FUNCTION_ARN, "t", "g", "b:9092", None, metrics=frozenset(groups))
    data = build_metric_data(settings, counters.as_dict(), offsets, NOW)
    assert all(datum["Unit"] == "Count" and datum["Timestamp"] == NOW for datum in data)
    return {(datum["Dimensions"][0]["Name"], datum["MetricName"]): datum["Value"] for datum in data}


def of_mapping(counters: Counters, *groups: str, offsets: Offsets = ()) -> dict[str, int]:
    found = published(counters, *groups, offsets=offsets)
    return {name: value for (dimension, name), value in found.items() if dimension == "EventSourceMappingUUID"}


def test_the_offset_lag_is_always_published_for_the_function_and_for_the_mapping() -> None:
    """The whole topic's; a partition without a committed offset lags from its first record."""
    assert published(Counters(PolledEventCount=5, CommitErrorCount=1), offsets=OFFSETS) == {
        ("FunctionName", "OffsetLag"): 5,
        ("EventSourceMappingUUID", "OffsetLag"): 5,
    }


def test_no_lag_is_published_where_the_brokers_do_not_tell_it() -> None:
    """A lag of 0 would say that all is well."""
    assert published(Counters(), "EventCount", "ErrorCount", "KafkaMetrics").keys() == {
        ("EventSourceMappingUUID", "PolledEventCount"),
        ("EventSourceMappingUUID", "FilteredOutEventCount"),
    }


def test_event_count_has_its_seven_metrics() -> None:
    """What a destination got was not dropped, and all that was settled was committed."""
    counts = {
        "PolledEventCount": 100,
        "FilteredOutEventCount": 10,
        "InvokedEventCount": 120,
        "FailedInvokeEventCount": 40,
        "DroppedEventCount": 12,
        "OnFailureDestinationDeliveredEventCount": 8,
        "CommittedEventCount": 70,
    }
    expected = counts | {"DroppedEventCount": 4, "CommittedEventCount": 92}
    assert of_mapping(Counters(InvokeErrorCount=3, **counts), "EventCount") == expected


def test_error_count_has_what_has_happened() -> None:
    """AWS publishes error counts only when there were errors."""
    assert of_mapping(Counters(), "ErrorCount") == {}
    errors = {
        "PollingErrorCount": 1,
        "InvokeErrorCount": 2,
        "OnFailureDestinationDeliveryErrorCount": 3,
        "CommitErrorCount": 4,
    }
    assert of_mapping(Counters(PolledEventCount=9, **errors), "ErrorCount") == errors


def test_kafka_metrics_are_the_largest_lag_of_a_partition_and_their_sum() -> None:
    """OffsetLag is there as always."""
    assert of_mapping(Counters(), "KafkaMetrics", offsets=OFFSETS) == {
        "MaxOffsetLag": 3,
        "SumOffsetLag": 5,
        "OffsetLag": 5,
    }


def test_a_failed_delivery_is_a_metric_of_the_function_whatever_is_asked_for() -> None:
    """DestinationDeliveryFailures is one of the function's own."""
    assert published(Counters(OnFailureDestinationDeliveryErrorCount=1)) == {
        ("FunctionName", "DestinationDeliveryFailures"): 1
    }


@pytest.mark.parametrize(
    ("committed", "earliest", "end", "lag"), [(7, 0, 10, 3), (2, 5, 10, 5), (None, 4, 10, 6), (12, 0, 10, 0)]
)
def test_a_lag_counts_records_that_are_there(committed: int | None, earliest: int, end: int, lag: int) -> None:
    """Neither those that retention has deleted, nor fewer than none."""
    assert PartitionOffsets(0, end, committed, earliest).lag == lag
