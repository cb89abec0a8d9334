"""How far a consumer group is behind its topic."""

from uuid import uuid4

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from millrace_plugin.kafka_trigger.offsets import total_lag
from millrace_plugin.status import lag
from tests.kit import topics
from tests.local_cloud.status.records import commit, write


def test_the_lag_is_what_the_group_has_not_committed(kafka: str) -> None:
    """Partition by partition; another group of the same topic has a lag of its own."""
    topic, group, other = topics.create(kafka, partitions=2), f"group-{uuid4()}", f"group-{uuid4()}"
    write(kafka, topic, 5)
    commit(kafka, group, topic, 2)

    found = lag.read(kafka, [(group, topic), (other, topic)], 30)

    assert [(each.number, each.committed, each.end, each.lag) for each in found[group, topic]] == [
        (0, 2, 5, 3),
        (1, None, 0, 0),
    ]
    assert total_lag(found[other, topic]) == 5


def test_what_kafka_has_removed_is_not_behind(kafka: str) -> None:
    """A group that has committed nothing lags by the records that are there."""
    topic = topics.create(kafka, partitions=1)
    write(kafka, topic, 5)
    admin, before_the_last = AdminClient({"bootstrap.servers": kafka}), TopicPartition(topic, 0, 4)
    admin.delete_records([before_the_last])[before_the_last].result(timeout=10)

    found = lag.read(kafka, [("none", topic)], 30)

    assert total_lag(found["none", topic]) == 1


def test_a_topic_that_does_not_exist_is_left_out(kafka: str) -> None:
    """Its lag is unknown, and not 0."""
    assert lag.read(kafka, [("group", f"topic-{uuid4()}")], 30) == {}
