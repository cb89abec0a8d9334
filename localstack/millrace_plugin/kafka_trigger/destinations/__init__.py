"""Deliver failed records to an SQS queue, an SNS topic, an S3 bucket or a topic of the source's cluster (section 8).

`address` parses a destination, `documents` builds what is delivered, `aws` and `kafka` deliver it.
"""

from millrace_plugin.kafka_trigger.clients import Clients
from millrace_plugin.kafka_trigger.destinations.address import parse_arn
from millrace_plugin.kafka_trigger.destinations.aws import AwsDestination
from millrace_plugin.kafka_trigger.destinations.kafka import KafkaDestination
from millrace_plugin.kafka_trigger.failure import Destination
from millrace_plugin.kafka_trigger.settings import Settings, destination_topic


def open_destination(settings: Settings, clients: Clients) -> Destination | None:
    """Return the destination of a mapping, or None if its failed records are dropped.

    Raises:
        InvalidDestinationError: the configured destination is not one.
    """
    if not settings.destination:
        return None
    if topic := destination_topic(settings.destination):
        return KafkaDestination(settings, topic)
    return AwsDestination(settings, parse_arn(settings.destination), clients)
