"""Read a mapping's settings from its Lambda configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

DEFAULT_BATCH_SIZE = 100
DEFAULT_WINDOW_SECONDS = 0.5
RETRIES_WITH_DESTINATION = 10
DEFAULT_POLLERS = (1, 200)
KAFKA_SCHEME = "kafka://"
MSK_BLOCK = "AmazonManagedKafkaEventSourceConfig"
SELF_MANAGED_BLOCK = "SelfManagedKafkaEventSourceConfig"


@dataclass(frozen=True)
class Settings:
    uuid: str
    function_arn: str
    topic: str
    group: str
    bootstrap: str
    source_arn: str | None
    """The MSK cluster's ARN. None for a self-managed cluster (P1, P2)."""
    batch_size: int = DEFAULT_BATCH_SIZE
    window_seconds: float = DEFAULT_WINDOW_SECONDS
    starting_position: str = "TRIM_HORIZON"
    starting_timestamp_ms: int | None = None
    maximum_retries: int | None = None
    """Retries after the first attempt. None means without end."""
    maximum_age_seconds: int | None = None
    """Older records are given up (R15). None means without end."""
    bisects: bool = False
    reports_failures: bool = False
    filters: tuple[str, ...] = ()
    """Patterns as JSON. A record goes to the function if one matches, or if there are none (F1)."""
    pollers: tuple[int, int] | None = None
    """Minimum and maximum of pollers in provisioned mode. None means on demand."""
    destination: str | None = None
    """Of failed records: `kafka://<topic>`, or the ARN of an SQS queue, an SNS topic or an S3 bucket. None drops them."""
    metrics: frozenset[str] = frozenset()
    """The groups of metrics that are published: EventCount, ErrorCount, KafkaMetrics."""
    log_level: str | None = None
    """The least severe level of the poller's log events: DEBUG, INFO or WARN. None logs none."""

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, Any], msk_bootstrap: str) -> "Settings":
        """Read the settings.

        configuration: a validated EventSourceMappingConfiguration.
        msk_bootstrap: the brokers of every local MSK cluster.
        """
        source_arn = configuration.get("EventSourceArn")
        destination = on_failure_destination(configuration)
        window = configuration.get("MaximumBatchingWindowInSeconds")
        return cls(
            uuid=configuration["UUID"],
            function_arn=configuration["FunctionArn"],
            topic=configuration["Topics"][0],
            group=group_id(configuration) or configuration["UUID"],
            bootstrap=msk_bootstrap if source_arn else ",".join(self_managed_brokers(configuration)),
            source_arn=source_arn,
            batch_size=configuration.get("BatchSize") or DEFAULT_BATCH_SIZE,
            window_seconds=DEFAULT_WINDOW_SECONDS if window is None else float(window),
            starting_position=configuration["StartingPosition"],
            starting_timestamp_ms=_milliseconds(configuration.get("StartingPositionTimestamp")),
            maximum_retries=_retries(configuration.get("MaximumRetryAttempts"), has_destination=bool(destination)),
            maximum_age_seconds=_limit(configuration.get("MaximumRecordAgeInSeconds")),
            bisects=bool(configuration.get("BisectBatchOnFunctionError")),
            reports_failures="ReportBatchItemFailures" in (configuration.get("FunctionResponseTypes") or ()),
            filters=_patterns(configuration),
            pollers=_pollers(configuration),
            destination=destination,
            metrics=frozenset((configuration.get("MetricsConfig") or {}).get("Metrics") or ()),
            log_level=(configuration.get("LoggingConfig") or {}).get("SystemLogLevel"),
        )


def is_kafka(configuration: Mapping[str, Any]) -> bool:
    """Return whether the source is Kafka: an MSK cluster or a self-managed one."""
    return is_self_managed(configuration) or (configuration.get("EventSourceArn") or "").split(":")[2:3] == ["kafka"]


def is_self_managed(configuration: Mapping[str, Any]) -> bool:
    """Return whether the source is named by its brokers, even if the list is empty, instead of by an ARN."""
    return configuration.get("SelfManagedEventSource") is not None


def group_id(configuration: Mapping[str, Any]) -> str | None:
    """Return the consumer group that the configuration names. None means the mapping's UUID (G5)."""
    for block in (MSK_BLOCK, SELF_MANAGED_BLOCK):
        if group := (configuration.get(block) or {}).get("ConsumerGroupId"):
            return str(group)
    return None


def self_managed_brokers(configuration: Mapping[str, Any]) -> list[str]:
    """Return the brokers of a self-managed source. CloudFormation spells their key differently from the API."""
    endpoints = (configuration.get("SelfManagedEventSource") or {}).get("Endpoints") or {}
    return [
        broker for key in ("KAFKA_BOOTSTRAP_SERVERS", "KafkaBootstrapServers") for broker in endpoints.get(key) or ()
    ]


def on_failure_destination(configuration: Mapping[str, Any]) -> str | None:
    """Return the destination of failed records (D1), or None if there is none."""
    on_failure = (configuration.get("DestinationConfig") or {}).get("OnFailure") or {}
    return on_failure.get("Destination") or None


def destination_topic(destination: str | None) -> str | None:
    """Return the topic of a destination `kafka://<topic>`, or None for any other."""
    return destination.removeprefix(KAFKA_SCHEME) if destination and destination.startswith(KAFKA_SCHEME) else None


def _retries(asked: int | None, *, has_destination: bool) -> int | None:
    """Return the maximum of retries. With a destination, without end (R1) becomes ten (R2)."""
    limit = _limit(asked)
    return RETRIES_WITH_DESTINATION if limit is None and has_destination else limit


def _limit(asked: int | None) -> int | None:
    """Return None for AWS's -1: without end."""
    return None if asked is None or asked < 0 else asked


def _patterns(configuration: Mapping[str, Any]) -> tuple[str, ...]:
    filters = (configuration.get("FilterCriteria") or {}).get("Filters") or ()
    return tuple(each["Pattern"] for each in filters)


def _pollers(configuration: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the minimum and maximum of pollers, by default AWS's 1 and 200. None means on demand."""
    asked = configuration.get("ProvisionedPollerConfig")
    if not asked:
        return None
    least = asked.get("MinimumPollers") or DEFAULT_POLLERS[0]
    return least, asked.get("MaximumPollers") or max(least, DEFAULT_POLLERS[1])


def _milliseconds(moment: datetime | float | None) -> int | None:
    if moment is None:
        return None
    return int((moment.timestamp() if isinstance(moment, datetime) else float(moment)) * 1000)
