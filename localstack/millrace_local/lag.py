"""How far consumer groups are behind the end of their topics."""

from collections.abc import Collection
from concurrent.futures import Future
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

type Reading = tuple[str, str]
"""A consumer group and a topic that it reads."""
type Offsets = dict[TopicPartition, int]


def lags(bootstrap_servers: str, readings: Collection[Reading], seconds: float) -> dict[Reading, int]:
    """Return how many records each group has not committed yet; a topic that is not there is left out.

    Raise KafkaException if the brokers do not answer one of three questions within *seconds*. Nothing joins a group.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
    topics = admin.list_topics(timeout=seconds).topics
    known = [(group, topic) for group, topic in readings if topic in topics]
    partitions = {
        topic: [TopicPartition(topic, number) for number in topics[topic].partitions]
        for topic in {each[1] for each in known}
    }
    begins, ends = (_offsets(admin, partitions, spec, seconds) for spec in (OffsetSpec.earliest(), OffsetSpec.latest()))
    # A request for each group, all under way at once.
    asked = {(group, topic): _ask_committed(admin, group, partitions[topic], seconds) for group, topic in known}
    return {reading: _lag(future.result().topic_partitions, begins, ends) for reading, future in asked.items()}


def _offsets(admin: Any, partitions: dict[str, list[TopicPartition]], spec: OffsetSpec, seconds: float) -> Offsets:  # noqa: ANN401 - confluent_kafka has no types
    wanted = {partition: spec for each in partitions.values() for partition in each}
    if not wanted:
        return {}
    asked = admin.list_offsets(wanted, request_timeout=seconds)
    return {partition: int(future.result().offset) for partition, future in asked.items()}


def _ask_committed(admin: Any, group: str, partitions: list[TopicPartition], seconds: float) -> Future[Any]:  # noqa: ANN401 - as above
    asked = admin.list_consumer_group_offsets(
        [ConsumerGroupTopicPartitions(group, partitions)], request_timeout=seconds
    )
    future: Future[Any] = asked[group]
    return future


def _lag(committed: list[TopicPartition], begins: Offsets, ends: Offsets) -> int:
    """Return the records from what is committed to the end; those that Kafka has removed meanwhile do not count."""
    return sum(max(0, ends[each] - max(int(each.offset), begins[each])) for each in committed)
