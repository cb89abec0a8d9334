"""Create, change and describe topics of the real broker, in the shapes of MSK's topic operations."""

from base64 import b64decode, b64encode
from typing import Any

import orjson
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

TIMEOUT_SECONDS = 10


class TopicNotFoundError(Exception):
    pass


class Topics:
    def __init__(self, bootstrap: str, cluster_arn: str) -> None:
        self._admin = AdminClient({"bootstrap.servers": bootstrap})
        self._cluster_arn = cluster_arn

    def create(self, name: str, partitions: int, replicas: int, configs: str | None) -> dict[str, Any]:
        """Create a topic and return its name and ARN.

        replicas: one is made whatever is asked, because there is one broker.
        configs: Base64 of a JSON object, as in the API. None means the broker's defaults.

        Raises:
            KafkaException: the broker refuses (the topic exists, a setting is invalid).
        """
        topic = NewTopic(
            name, num_partitions=partitions, replication_factor=min(replicas, 1), config=_settings(configs)
        )
        self._admin.create_topics([topic])[name].result(TIMEOUT_SECONDS)
        return self._named(name) | {"Status": "ACTIVE"}

    def update(self, name: str, partitions: int | None, configs: str | None) -> dict[str, Any]:
        """Add partitions and change settings of a topic. Returns its name and ARN.

        partitions: how many there are afterwards. None leaves them.
        configs: Base64 of a JSON object. Settings that it lacks stay.

        Raises:
            KafkaException: the broker refuses (fewer partitions than there are, a setting is invalid).
        """
        if partitions and partitions != len(self._metadata(name).partitions):
            self._admin.create_partitions([NewPartitions(name, partitions)])[name].result(TIMEOUT_SECONDS)
        if settings := _settings(configs):
            entries = [
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET) for key, value in settings.items()
            ]
            resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
            self._admin.incremental_alter_configs([resource])[resource].result(TIMEOUT_SECONDS)
        return self._named(name) | {"Status": "UPDATING"}

    def delete(self, name: str) -> dict[str, Any]:
        self._metadata(name)
        self._admin.delete_topics([name])[name].result(TIMEOUT_SECONDS)
        return self._named(name) | {"Status": "DELETING"}

    def describe(self, name: str) -> dict[str, Any]:
        resource = ConfigResource(ResourceType.TOPIC, name)
        summary = self._summary(self._metadata(name))
        entries = self._admin.describe_configs([resource])[resource].result(TIMEOUT_SECONDS)
        configs = b64encode(orjson.dumps({key: entry.value for key, entry in entries.items()})).decode()
        return {key: value for key, value in summary.items() if key != "OutOfSyncReplicaCount"} | {
            "Configs": configs,
            "Status": "ACTIVE",
        }

    def find_all(self, name_prefix: str) -> list[dict[str, Any]]:
        """Return the topics whose name begins so, without the broker's internal ones."""
        found = self._admin.list_topics(timeout=TIMEOUT_SECONDS).topics
        names = sorted(name for name in found if name.startswith(name_prefix) and not name.startswith("__"))
        return [self._summary(found[name]) for name in names]

    def partitions(self, name: str) -> list[dict[str, Any]]:
        return [
            {"Partition": number, "Leader": each.leader, "Replicas": each.replicas, "Isr": each.isrs}
            for number, each in sorted(self._metadata(name).partitions.items())
        ]

    def _metadata(self, name: str) -> TopicMetadata:
        topic = self._admin.list_topics(name, timeout=TIMEOUT_SECONDS).topics[name]
        if topic.error:
            raise TopicNotFoundError(f"Topic {name} does not exist ({topic.error}).")
        return topic

    def _summary(self, topic: TopicMetadata) -> dict[str, Any]:
        partitions = topic.partitions.values()
        return self._named(topic.topic) | {
            "PartitionCount": len(partitions),
            "ReplicationFactor": max((len(each.replicas) for each in partitions), default=0),
            "OutOfSyncReplicaCount": sum(len(each.replicas) - len(each.isrs) for each in partitions),
        }

    def _named(self, name: str) -> dict[str, Any]:
        arn = self._cluster_arn.replace(":cluster/", ":topic/", 1)
        return {"TopicName": name, "TopicArn": f"{arn}/{name}"}


def _settings(configs: str | None) -> dict[str, str]:
    """Decode the API's Base64 of a JSON object."""
    return {key: str(value) for key, value in orjson.loads(b64decode(configs)).items()} if configs else {}
