"""The application's topics, from the list that AWS and the tests use as well."""

from dataclasses import dataclass

import yaml

from millrace_local.instance import ROOT, Instance
from millrace_local.servers.kafka import Kafka

LIST = ROOT / "infra" / "topics.yaml"
_RETENTION = "retention.ms"
_DAY_MILLISECONDS = 86_400_000


@dataclass(frozen=True)
class Topic:
    """A topic as the list declares it."""

    partitions: int
    retention_days: int

    @property
    def retention(self) -> str:
        """The value of Kafka's `retention.ms`."""
        return str(self.retention_days * _DAY_MILLISECONDS)


def names() -> set[str]:
    """Return the names of all topics, dead-letter topics included."""
    return set(declared())


def create(instance: Instance) -> None:
    """Create the topics that are missing, and give the others the retention that is declared."""
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - 50 ms that `status` pays in a thread
    from confluent_kafka.admin import AdminClient, NewTopic  # noqa: PLC0415

    Kafka().check_ready(instance)
    admin = AdminClient({"bootstrap.servers": instance.kafka_bootstrap})
    wanted = declared()
    existing = {}
    created = admin.create_topics(
        [
            NewTopic(name, topic.partitions, replication_factor=1, config={_RETENTION: topic.retention})
            for name, topic in wanted.items()
        ]
    )
    for name, answer in created.items():
        try:
            answer.result(timeout=20)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise
            existing[name] = wanted[name]
    if existing:
        _set_retention(instance, existing)


def declared() -> dict[str, Topic]:
    """Return every topic by its name."""
    listed = yaml.safe_load(LIST.read_text())["topics"]
    return {name: Topic(**settings) for name, settings in listed.items()}


def _set_retention(instance: Instance, topics: dict[str, Topic]) -> None:
    from confluent_kafka.admin import (  # noqa: PLC0415 - as above
        AdminClient,
        AlterConfigOpType,
        ConfigEntry,
        ConfigResource,
    )

    changes = [
        ConfigResource(
            ConfigResource.Type.TOPIC,
            name,
            incremental_configs=[ConfigEntry(_RETENTION, topic.retention, incremental_operation=AlterConfigOpType.SET)],
        )
        for name, topic in topics.items()
    ]
    admin = AdminClient({"bootstrap.servers": instance.kafka_bootstrap})
    for answer in admin.incremental_alter_configs(changes).values():
        answer.result(timeout=20)
