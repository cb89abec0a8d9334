"""Parse `DestinationConfig.OnFailure.Destination`: a Kafka topic, or the ARN of a queue, topic or bucket (D1)."""

import re
from dataclasses import dataclass

from millrace_plugin.kafka_trigger.settings import KAFKA_SCHEME

LONGEST = 350
PARAMETER = "destinationConfig.onFailure.destination"
KAFKA_TOPIC = re.compile(rf"{KAFKA_SCHEME}(?!\.)[a-zA-Z0-9\-_.]{{1,249}}")
ARN = re.compile(r"arn:aws[a-zA-Z-]*:(?P<service>sqs|sns|s3):(?P<region>[a-z0-9-]*):(?P<account>[0-9]*):(?P<name>.+)")
REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]")
ACCOUNT = re.compile(r"[0-9]{12}")
NAMES = {
    "sqs": re.compile(r"[a-zA-Z0-9\-_]{1,80}"),
    "sns": re.compile(r"[a-zA-Z0-9\-_]{1,256}"),
    "s3": re.compile(r"[a-z0-9][a-z0-9.\-]{1,61}[a-z0-9]"),
}
ALLOWED = (
    f"Member must be {KAFKA_SCHEME}<topic> or the ARN of a standard SQS queue, a standard SNS topic or an S3 bucket,"
    f" of at most {LONGEST} characters"
)


class InvalidDestinationError(ValueError):
    """The destination cannot be used. The message is the API's."""


@dataclass(frozen=True)
class Address:
    """The parts of a destination's ARN. A bucket's has neither region nor account."""

    arn: str
    service: str
    """sqs, sns or s3."""
    region: str
    account: str
    name: str


def check_destination(destination: str) -> None:
    """Check the destination of a mapping. The empty string means none (D1).

    Raises:
        InvalidDestinationError: failed records cannot be delivered there.
    """
    if not destination or (KAFKA_TOPIC.fullmatch(destination) and len(destination) <= LONGEST):
        return
    parse_arn(destination)


def parse_arn(destination: str) -> Address:
    """Parse the ARN of a queue, a topic or a bucket.

    Raises:
        InvalidDestinationError: it is not the ARN of a destination.
    """
    match = ARN.fullmatch(destination)
    if not match or len(destination) > LONGEST:
        raise _invalid(destination, ALLOWED)
    address = Address(destination, **match.groupdict())
    if address.service != "s3" and address.name.endswith(".fifo"):
        raise _invalid(destination, "FIFO queues and topics cannot be destinations, use a standard one")
    if not NAMES[address.service].fullmatch(address.name) or not _has_right_place(address):
        raise _invalid(destination, ALLOWED)
    return address


def _has_right_place(address: Address) -> bool:
    if address.service == "s3":
        return not address.region and not address.account
    return bool(REGION.fullmatch(address.region) and ACCOUNT.fullmatch(address.account))


def _invalid(destination: str, constraint: str) -> InvalidDestinationError:
    return InvalidDestinationError(
        f"Value '{destination}' at '{PARAMETER}' failed to satisfy constraint: {constraint}."
    )
