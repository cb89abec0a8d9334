"""Consumer groups on the brokers: who is in them, what they have committed, and how that is moved."""

import contextlib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import KafkaError, NoError
from kafka.structs import OffsetAndMetadata
from msgspec import Struct

from kernel.errors import ConflictError, UnavailableError
from kernel.messaging import brokers


class Member(Struct, frozen=True, rename="camel"):
    """A client that is in a group. *partitions*: those of the topic that it has."""

    client_id: str
    host: str
    partitions: list[int]


@contextlib.contextmanager
def connected() -> Iterator[KafkaAdminClient]:
    """Yield a client of the brokers. Raises UnavailableError for what they do not answer."""
    try:
        client = KafkaAdminClient(bootstrap_timeout_ms=5_000, request_timeout_ms=5_000, **brokers.access())
        try:
            yield client
        finally:
            client.close()
    except KafkaError as error:
        message = f"Kafka: {error!r}"
        raise UnavailableError(message) from error


def members(client: KafkaAdminClient, groups: Mapping[str, str]) -> dict[str, list[Member]]:
    """Return the members of each group. *groups*: the topic that is looked at, by group."""
    found: Mapping[str, Mapping[str, Any]] = client.describe_groups(list(groups)) if groups else {}
    return {name: [_member(each, topic) for each in found[name]["members"]] for name, topic in groups.items()}


def committed(
    client: KafkaAdminClient, groups: Mapping[str, str], numbers: Mapping[str, Collection[int]]
) -> dict[str, dict[int, int]]:
    """Return the committed offset of each partition, by group. Partitions without one are left out.

    *groups*: the topic that is looked at, by group. *numbers*: the topics' partitions.
    """
    asked = {name: [TopicPartition(topic, each) for each in numbers[topic]] for name, topic in groups.items()}
    found = client.list_group_offsets(asked) if asked else {}
    return {
        name: {place.partition: each.offset for place, each in found.get(name, {}).items() if each.offset >= 0}
        for name in groups
    }


def move(client: KafkaAdminClient, group: str, topic: str, offsets: Mapping[int, int]) -> None:
    """Commit *offsets* for a group without members. Raises ConflictError if a member has come in meanwhile.

    The commit has no metadata: the trigger's own holds the topic's id, and would void it for a topic made again.
    """
    wanted = {TopicPartition(topic, number): OffsetAndMetadata(offset, "", None) for number, offset in offsets.items()}
    failed = {
        place.partition: error
        for place, error in client.alter_group_offsets(group, wanted).items()
        if error is not NoError
    }
    if failed:
        reasons = ", ".join(f"partition {number}: {error.__name__}" for number, error in sorted(failed.items()))
        message = (
            f"Kafka did not take the offsets of {group} ({reasons}): a member has joined it. Pause its mapping first."
        )
        raise ConflictError(message)


def _member(found: Mapping[str, Any], topic: str) -> Member:
    # Bytes of another protocol than consumers' are no assignment.
    assignment = found["member_assignment"]
    assigned = assignment.get("assigned_partitions", ()) if isinstance(assignment, dict) else ()
    partitions = sorted(number for each in assigned if each["topic"] == topic for number in each["partitions"])
    return Member(str(found["client_id"]), str(found["client_host"]).lstrip("/"), partitions)
