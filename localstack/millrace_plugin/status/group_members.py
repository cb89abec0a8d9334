"""Ask the brokers who else is in a mapping's consumer group."""

from confluent_kafka.admin import AdminClient

from millrace_plugin.kafka_trigger.conditions import Member
from millrace_plugin.kafka_trigger.membership import client_id
from millrace_plugin.status.structures import Mapping


def read(mapping: Mapping, seconds: float) -> tuple[Member, ...]:
    """Return the members that are not the mapping, with the partitions of its topic that each has.

    Raises KafkaException or TimeoutError if the brokers do not answer within *seconds*.
    """
    admin = AdminClient({"bootstrap.servers": mapping.bootstrap, "log_level": 0})
    answer = admin.describe_consumer_groups([mapping.group], request_timeout=seconds)[mapping.group]
    return tuple(
        Member(
            client_id=str(member.client_id),
            host=str(member.host).lstrip("/"),
            partitions=tuple(
                sorted(each.partition for each in member.assignment.topic_partitions if each.topic == mapping.topic)
            ),
        )
        for member in answer.result(seconds).members
        if member.client_id != client_id(mapping.uuid)
    )
