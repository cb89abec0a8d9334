"""How far consumer groups are behind the end of their topics."""

from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, TopicPartition
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
    # A question for each group, all under way at once.
    with ThreadPoolExecutor(max(1, len(known))) as threads:
        committed = threads.map(
            lambda each: _committed(bootstrap_servers, each[0], partitions[each[1]], seconds), known
        )
        return {reading: _lag(found, begins, ends) for reading, found in zip(known, committed, strict=True)}


def _offsets(admin: Any, partitions: dict[str, list[TopicPartition]], spec: OffsetSpec, seconds: float) -> Offsets:  # noqa: ANN401 - confluent_kafka has no types
    wanted = {partition: spec for each in partitions.values() for partition in each}
    if not wanted:
        return {}
    asked = admin.list_offsets(wanted, request_timeout=seconds)
    return {partition: int(future.result().offset) for partition, future in asked.items()}


def _committed(
    bootstrap_servers: str, group: str, partitions: list[TopicPartition], seconds: float
) -> list[TopicPartition]:
    """Ask by a consumer that never subscribes.

    librdkafka's admin client ends the whole process by a segmentation fault if the broker is not the group's
    coordinator yet (confluentinc/librdkafka#5040).
    """
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group, "log_level": 0})
    try:
        found: list[TopicPartition] = consumer.committed(partitions, timeout=seconds)
    finally:
        consumer.close()
    return found


def _lag(committed: list[TopicPartition], begins: Offsets, ends: Offsets) -> int:
    """Return the records from what is committed to the end; those that Kafka has removed meanwhile do not count."""
    return sum(max(0, ends[each] - max(int(each.offset), begins[each])) for each in committed)
