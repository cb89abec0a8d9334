"""The topics of infra/topics.yaml, on a real Kafka."""

from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource

from millrace_local.deployment import topics
from millrace_local.deployment.topics import Topic
from millrace_local.instance import Instance


def test_a_topic_has_the_retention_that_is_declared(
    instance: Instance, kafka: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that existed before; its partitions stay as they are."""
    name = str(uuid4())
    admin = AdminClient({"bootstrap.servers": kafka})
    for declared in (Topic(partitions=2, retention_days=3), Topic(partitions=1, retention_days=5)):
        monkeypatch.setattr(topics, "declared", lambda declared=declared: {name: declared})

        topics.create(instance)

        [described] = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
        assert described.result(20)["retention.ms"].value == str(declared.retention_days * 24 * 60 * 60 * 1000)
        assert len(admin.list_topics(name, timeout=20).topics[name].partitions) == 2
