"""What a mapping is told to do, read once from its Lambda configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

DEFAULT_BATCH_SIZE = 100
DEFAULT_WINDOW_SECONDS = 0.5
RETRIES_WITH_DESTINATION = 10
KAFKA_SCHEME = "kafka://"


@dataclass(frozen=True)
class Settings:
    uuid: str
    function_arn: str
    topic: str
    group: str
    bootstrap: str
    source_arn: str | None
    """The MSK cluster; None for a self-managed one (P1, P2)."""
    batch_size: int = DEFAULT_BATCH_SIZE
    window_seconds: float = DEFAULT_WINDOW_SECONDS
    starting_position: str = "TRIM_HORIZON"
    starting_timestamp_ms: int | None = None
    maximum_retries: int | None = None
    """Retries after the first attempt; None is without end."""
    reports_failures: bool = False
    destination_topic: str | None = None

    @classmethod
    def from_configuration(cls, configuration: Mapping[str, Any], msk_bootstrap: str) -> "Settings":
        """Read a validated EventSourceMappingConfiguration; brokers of an MSK cluster are at *msk_bootstrap*."""
        source_arn = configuration.get("EventSourceArn")
        destination = destination_topic(configuration)
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
            reports_failures="ReportBatchItemFailures" in (configuration.get("FunctionResponseTypes") or ()),
            destination_topic=destination,
        )


def group_id(configuration: Mapping[str, Any]) -> str | None:
    """The consumer group that the configuration asks for; by default it is the mapping's UUID (G5)."""
    for block in ("AmazonManagedKafkaEventSourceConfig", "SelfManagedKafkaEventSourceConfig"):
        if group := (configuration.get(block) or {}).get("ConsumerGroupId"):
            return str(group)
    return None


def self_managed_brokers(configuration: Mapping[str, Any]) -> list[str]:
    """The brokers of a self-managed source, whose key CloudFormation spells differently from the API."""
    endpoints = (configuration.get("SelfManagedEventSource") or {}).get("Endpoints") or {}
    return list(endpoints.get("KAFKA_BOOTSTRAP_SERVERS") or endpoints.get("KafkaBootstrapServers") or ())


def destination_topic(configuration: Mapping[str, Any]) -> str | None:
    """The topic of a `kafka://topic` on-failure destination (D1), if there is one."""
    on_failure = (configuration.get("DestinationConfig") or {}).get("OnFailure") or {}
    destination = str(on_failure.get("Destination") or "")
    return destination.removeprefix(KAFKA_SCHEME) if destination.startswith(KAFKA_SCHEME) else None


def _retries(asked: int | None, *, has_destination: bool) -> int | None:
    """R1: -1 is without end; R2: with a destination, without end becomes ten."""
    if asked is not None and asked >= 0:
        return asked
    return RETRIES_WITH_DESTINATION if has_destination else None


def _milliseconds(moment: datetime | float | None) -> int | None:
    if moment is None:
        return None
    return int((moment.timestamp() if isinstance(moment, datetime) else float(moment)) * 1000)
