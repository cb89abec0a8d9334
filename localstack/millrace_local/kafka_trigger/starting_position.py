"""Where a mapping begins whose group has no committed offsets (kafka-starting-positions, G1 to G3, G6).

LATEST and AT_TIMESTAMP are resolved once, for every partition there is, and committed at once: a restart then skips
nothing, and a partition that appears later starts at its beginning. TRIM_HORIZON needs nothing: it is what the
consumer does without a committed offset.
"""

from confluent_kafka import Consumer, TopicPartition

from millrace_local.kafka_trigger.settings import Settings

TIMEOUT_SECONDS = 5
END = -1


def resolve(consumer: Consumer, settings: Settings, partitions: list[int]) -> None:
    """Commit the starting offsets of *partitions*, unless the group has committed any for the topic (G6).

    Raises:
        KafkaException: the broker did not answer; nothing is committed.
    """
    if settings.starting_position == "TRIM_HORIZON" or _has_committed(consumer, settings.topic, partitions):
        return
    offsets = [_start(consumer, settings, partition) for partition in partitions]
    consumer.commit(offsets=offsets, asynchronous=False)


def _has_committed(consumer: Consumer, topic: str, partitions: list[int]) -> bool:
    asked = [TopicPartition(topic, partition) for partition in partitions]
    return any(each.offset >= 0 for each in consumer.committed(asked, timeout=TIMEOUT_SECONDS))


def _start(consumer: Consumer, settings: Settings, partition: int) -> TopicPartition:
    """G2: a partition without a record at or after the timestamp starts at its end, like one of LATEST."""
    if settings.starting_position == "AT_TIMESTAMP" and settings.starting_timestamp_ms is not None:
        asked = TopicPartition(settings.topic, partition, settings.starting_timestamp_ms)
        found = consumer.offsets_for_times([asked], timeout=TIMEOUT_SECONDS)[0]
        if found.offset != END:
            return TopicPartition(settings.topic, partition, found.offset)
    _, end = consumer.get_watermark_offsets(TopicPartition(settings.topic, partition), timeout=TIMEOUT_SECONDS)
    return TopicPartition(settings.topic, partition, end)
