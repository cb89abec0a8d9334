"""How far a consumer group is behind the end of its topic."""

from confluent_kafka import Consumer, KafkaException, TopicPartition

TIMEOUT_SECONDS = 5


def lag(bootstrap_servers: str, group: str, topic: str) -> int | None:
    """Records of *topic* that *group* has not committed yet; None where the broker or the topic is not there.

    A consumer that only asks does not join the group.
    """
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": group, "log_level": 0})
    try:
        described = consumer.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic]
        partitions = [TopicPartition(topic, partition) for partition in described.partitions]
        committed = consumer.committed(partitions, timeout=TIMEOUT_SECONDS)
        return sum(_end(consumer, partition) - max(int(partition.offset), 0) for partition in committed)
    except KafkaException:
        return None
    finally:
        consumer.close()


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    _, end = consumer.get_watermark_offsets(partition, timeout=TIMEOUT_SECONDS)
    return int(end)
