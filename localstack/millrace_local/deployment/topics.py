"""The application's topics, from the list that AWS and the tests use as well."""

import yaml

from millrace_local.instance import ROOT, Instance
from millrace_local.servers.kafka import Kafka

LIST = ROOT / "infra" / "topics.yaml"


def names() -> set[str]:
    """Return the names of all topics, dead-letter topics included."""
    return set(_declared())


def create(instance: Instance) -> None:
    """Create the topics that are missing."""
    from confluent_kafka import KafkaError, KafkaException  # noqa: PLC0415 - 50 ms that `status` pays in a thread
    from confluent_kafka.admin import AdminClient, NewTopic  # noqa: PLC0415

    Kafka().check_ready(instance)
    admin = AdminClient({"bootstrap.servers": instance.kafka_bootstrap})
    wanted = [NewTopic(name, partitions, replication_factor=1) for name, partitions in _declared().items()]
    for created in admin.create_topics(wanted).values():
        try:
            created.result(timeout=20)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _declared() -> dict[str, int]:
    """Return each topic's number of partitions by its name."""
    listed = yaml.safe_load(LIST.read_text())["topics"]
    return {name: settings["partitions"] for name, settings in listed.items()}
