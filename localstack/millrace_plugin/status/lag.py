"""How far consumer groups are behind the end of their topics, for many groups of one Kafka at once."""

import socket
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from millrace_plugin.kafka_trigger.offsets import PartitionOffsets

type Reading = tuple[str, str]
"""A consumer group and a topic that it reads."""
type Offsets = dict[TopicPartition, int]
CONNECTION_SECONDS = 1


def read(bootstrap: str, readings: Collection[Reading], seconds: float) -> dict[Reading, tuple[PartitionOffsets, ...]]:
    """Return the offsets of each group's partitions. Topics that do not exist are left out.

    No consumer joins a group.

    Raises:
        OSError: no broker accepts connections.
        KafkaException: the brokers did not answer one of three requests within *seconds*.
    """
    _check_reachable(bootstrap, min(seconds, CONNECTION_SECONDS))
    configuration = {"bootstrap.servers": bootstrap, "log_level": 0}
    admin = AdminClient(configuration)
    topics = admin.list_topics(timeout=seconds).topics
    known = [(group, topic) for group, topic in readings if topic in topics]
    partitions = {
        topic: [TopicPartition(topic, number) for number in sorted(topics[topic].partitions)]
        for topic in {each[1] for each in known}
    }
    begins, ends = (_offsets(admin, partitions, spec, seconds) for spec in (OffsetSpec.earliest(), OffsetSpec.latest()))
    with ThreadPoolExecutor(max(1, len(known))) as threads:
        committed = threads.map(lambda each: _committed(configuration, each[0], partitions[each[1]], seconds), known)
        return {
            reading: tuple(
                PartitionOffsets(each.partition, ends[each], each.offset if each.offset >= 0 else None, begins[each])
                for each in found
            )
            for reading, found in zip(known, committed, strict=True)
        }


def _check_reachable(bootstrap: str, seconds: float) -> None:
    """Raise OSError unless a broker accepts connections. The client would try again until its time limit."""
    *others, last = bootstrap.split(",")
    for address in others:
        try:
            return _connect(address, seconds)
        except OSError:
            continue
    return _connect(last, seconds)


def _connect(address: str, seconds: float) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=seconds).close()
    except (OSError, ValueError) as error:
        message = f"{address} accepts no connections ({error})"
        raise OSError(message) from error


def _offsets(admin: Any, partitions: dict[str, list[TopicPartition]], spec: OffsetSpec, seconds: float) -> Offsets:  # noqa: ANN401 - confluent_kafka has no types
    wanted = {partition: spec for each in partitions.values() for partition in each}
    if not wanted:
        return {}
    answers = admin.list_offsets(wanted, request_timeout=seconds)
    return {partition: int(future.result().offset) for partition, future in answers.items()}


def _committed(
    configuration: dict[str, Any], group: str, partitions: list[TopicPartition], seconds: float
) -> list[TopicPartition]:
    """Return the committed offsets, read by a consumer that never subscribes.

    librdkafka's admin client ends the whole process by a segmentation fault if the broker is not the group's
    coordinator yet (confluentinc/librdkafka#5040).
    """
    consumer = Consumer(configuration | {"group.id": group})
    try:
        found: list[TopicPartition] = consumer.committed(partitions, timeout=seconds)
    finally:
        consumer.close()
    return found
