"""Read from LocalStack's CloudWatch what mappings have published."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.local_cloud.kafka_trigger.conftest import Services


def total(services: Services, name: str, dimension: str, value: str, statistic: str = "Sum") -> float | None:
    """Return the statistic of a metric of AWS/Lambda in the last minutes, or None if nothing was published."""
    now = datetime.now(UTC)
    answer = services("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=name,
        Dimensions=[{"Name": dimension, "Value": value}],
        StartTime=now - timedelta(minutes=30),
        EndTime=now + timedelta(minutes=30),
        Period=3600,
        Statistics=[statistic],
    )
    points = [point[statistic] for point in answer["Datapoints"]]
    return (sum(points) if statistic == "Sum" else max(points)) if points else None


def events(services: Services, group: str, uuid: str) -> list[dict[str, Any]]:
    """Return a mapping's events in a log group, from all of its streams."""
    logs = services("logs")
    try:
        streams = logs.describe_log_streams(logGroupName=group)["logStreams"]
    except logs.exceptions.ResourceNotFoundException:
        return []
    names = [stream["logStreamName"] for stream in streams if stream["logStreamName"].endswith(f"/{uuid}")]
    return [
        json.loads(event["message"])
        for name in names
        for event in logs.get_log_events(logGroupName=group, logStreamName=name, startFromHead=True)["events"]
    ]


def kinds(found: list[dict[str, Any]]) -> set[str]:
    return {event["eventType"] for event in found}
