"""Topics of a test's own, and what is in them."""

from uuid import uuid4

from confluent_kafka import Consumer, Message, TopicPartition
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, NewTopic, ResourceType

# Compacted within a second, except for the segment that is being written.
COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.001",
    "segment.ms": "100",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "100",
}


def create(bootstrap: str, *, partitions: int = 1, configuration: dict[str, str] | None = None) -> str:
    """Make a topic with a random name and return it."""
    name = f"test-{uuid4().hex[:12]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(name, partitions, 1, config=configuration or {})])[name].result(timeout=10)
    return name


def configure(bootstrap: str, topic: str, **configuration: str) -> None:
    """Change settings of *topic*, written with underscores for dots."""
    entries = [
        ConfigEntry(name.replace("_", "."), value, incremental_operation=AlterConfigOpType.SET)
        for name, value in configuration.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.incremental_alter_configs([resource])[resource].result(timeout=30)


def ends(bootstrap: str, topic: str) -> dict[int, int]:
    """The next offset of each partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid4().hex})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    found = {each: consumer.get_watermark_offsets(TopicPartition(topic, each), timeout=10)[1] for each in partitions}
    consumer.close()
    return found


def read(bootstrap: str, topic: str) -> list[Message]:
    """Every message that is in *topic* now, in order per partition."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid4().hex, "enable.partition.eof": False})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    ends = {number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10) for number in partitions}
    consumer.assign([TopicPartition(topic, number, low) for number, (low, _) in ends.items()])
    expected = sum(high - low for low, high in ends.values())
    messages: list[Message] = []
    while len(messages) < expected:
        found = consumer.consume(expected - len(messages), timeout=10)
        assert found, f"{topic} gave {len(messages)} of {expected} messages"
        messages += found
    consumer.close()
    return messages
