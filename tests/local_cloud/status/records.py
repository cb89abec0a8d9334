"""Records and offsets written by the tests themselves."""

from confluent_kafka import Consumer, Producer, TopicPartition


def write(bootstrap: str, topic: str, count: int, value: bytes = b"value") -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for _ in range(count):
        producer.produce(topic, value, partition=0)
    assert producer.flush(10) == 0


def commit(bootstrap: str, group: str, topic: str, offset: int) -> None:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group})
    consumer.commit(offsets=[TopicPartition(topic, 0, offset)], asynchronous=False)
    consumer.close()
