"""The retention of topics as their broker has it, and what is wrong with it.

On AWS the caller needs `kafka-cluster:Connect`, and `DescribeTopic` and `DescribeTopicDynamicConfiguration` of the topics.
"""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError

from kernel import settings
from kernel.messaging import brokers, retention
from kernel.messaging.retention import RetentionProblem, TopicRetention

SETTINGS = ("cleanup.policy", "retention.ms", "segment.ms")


def problems(topics: Collection[str]) -> list[RetentionProblem]:
    """Return a problem for each of *topics* whose events can come back after the inbox has forgotten them.

    *topics*: those that consumers read. Dead letters return to them, so their own topics do not count.
    Raises KafkaError as `read` does.
    """
    own = settings.Retention.from_environment()
    return retention.problems(read(topics), own.inbox, own.longest_redrive_age)


def read(topics: Collection[str]) -> list[TopicRetention]:
    """Return the retention of each of *topics*.

    Raises KafkaError if no broker answers within seconds, if a topic does not exist, or if its settings may not be read.
    """
    client = KafkaAdminClient(bootstrap_timeout_ms=3_000, request_timeout_ms=5_000, **brokers.access())
    try:
        wanted = [ConfigResource(ConfigResourceType.TOPIC, each, dict.fromkeys(SETTINGS)) for each in topics]
        found = client.describe_configs(wanted, config_filter="all") if wanted else {}
    finally:
        client.close()
    by_topic: Mapping[str, Mapping[str, Mapping[str, Any]]] = found.get("topic", {})
    return [_decode(topic, {name: each["value"] for name, each in by_topic[topic].items()}) for topic in topics]


def _decode(topic: str, values: Mapping[str, str]) -> TopicRetention:
    if not values:
        # kafka-python leaves out the broker's reason.
        message = f"The settings of {topic} cannot be read: there is no such topic, or no right to describe it."
        raise KafkaError(message)
    milliseconds = int(values["retention.ms"])
    is_limited = milliseconds >= 0 and "delete" in values["cleanup.policy"].split(",")
    segment = timedelta(milliseconds=int(values["segment.ms"]))
    return TopicRetention(topic, timedelta(milliseconds=milliseconds) if is_limited else None, segment)
