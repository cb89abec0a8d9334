"""The topics of the local Kafka with their end offsets, and how many dead letters they hold."""

from collections.abc import Mapping

import msgspec

from millrace_local.deployment import topics as declared
from millrace_local.instance import Instance
from millrace_local.servers.server import check_port_open

DEAD_LETTERS = "-dlq"
INTERNAL = "__"


class Topic(msgspec.Struct, frozen=True, kw_only=True):
    """A topic of the application, or another one of the local Kafka."""

    name: str
    partitions: int | None = None
    """None if unknown."""
    end_offsets: tuple[int, ...] | None = None
    """The offset after each partition's last record. None if unknown."""
    records: int | None = None
    """How many records Kafka still has. None if unknown."""
    problem: str | None = None


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """The records of a dead-letter topic."""

    topic: str
    count: int | None
    """None if unknown."""


def read(instance: Instance, seconds: float) -> dict[str, Topic]:
    """Return the topics of the local Kafka by name, without its internal ones.

    Raises NotReadyError if nobody listens, and KafkaException if one of three requests takes longer than *seconds*.
    """
    from confluent_kafka import TopicPartition  # noqa: PLC0415 - 50 ms, beside the requests to the other servers
    from confluent_kafka.admin import AdminClient, OffsetSpec  # noqa: PLC0415

    check_port_open("Kafka", instance.ports["kafka"])
    admin = AdminClient({"bootstrap.servers": instance.kafka_bootstrap, "log_level": 0})
    known = {
        name: sorted(topic.partitions)
        for name, topic in admin.list_topics(timeout=seconds).topics.items()
        if not name.startswith(INTERNAL)
    }
    places = [TopicPartition(name, number) for name, numbers in known.items() for number in numbers]
    if not places:
        return {}
    first, last = (
        {place: answer.result().offset for place, answer in asked.items()}
        for asked in [
            admin.list_offsets(dict.fromkeys(places, spec), request_timeout=seconds)
            for spec in (OffsetSpec.earliest(), OffsetSpec.latest())
        ]
    )
    found = {}
    for name, numbers in known.items():
        own = [TopicPartition(name, number) for number in numbers]
        ends = tuple(last[each] for each in own)
        records = sum(last[each] - first[each] for each in own)
        found[name] = Topic(name=name, partitions=len(own), end_offsets=ends, records=records)
    return found


def describe(answer: Mapping[str, Topic] | Exception) -> tuple[Topic, ...]:
    """Return the declared topics and all others that Kafka has; those of a Kafka that did not answer are unknown."""
    if isinstance(answer, Exception):
        problem = f"The offsets are unknown: {answer}"
        return tuple(Topic(name=name, problem=problem) for name in sorted(declared.names()))
    missing = {
        name: Topic(name=name, problem="Kafka has no such topic: ./millrace down and ./millrace up create it.")
        for name in declared.names() - answer.keys()
    }
    return tuple(each for _, each in sorted((dict(answer) | missing).items()))


def dead_letters(topics: tuple[Topic, ...]) -> tuple[DeadLetters, ...]:
    return tuple(
        DeadLetters(topic=each.name, count=each.records) for each in topics if each.name.endswith(DEAD_LETTERS)
    )
