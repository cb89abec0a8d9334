"""Deliver to AWS services: each failure becomes one message or one object (D4)."""

from datetime import UTC, datetime
from uuid import uuid4

import orjson

from millrace_plugin.kafka_trigger.clients import Client, Clients
from millrace_plugin.kafka_trigger.destinations.address import Address
from millrace_plugin.kafka_trigger.destinations.documents import Document, Documents
from millrace_plugin.kafka_trigger.failure import DeliveryError, Failure
from millrace_plugin.kafka_trigger.function_arn import parse_function_arn
from millrace_plugin.kafka_trigger.settings import Settings

DELIVERIES = 4  # the first one and three more (R17)


class AwsDestination:
    """Deliver to a queue, a topic or a bucket."""

    deliveries: int | None = DELIVERIES

    def __init__(self, settings: Settings, address: Address, clients: Clients) -> None:
        self.name = address.arn
        self._settings = settings
        self._address = address
        self._clients = clients
        self._documents = Documents(settings)
        self._send = {
            "sqs": self._send_message,
            "sns": self._publish,
            "s3": self._put_object,
        }[address.service]

    def deliver(self, failure: Failure) -> None:
        try:
            self._send(failure, datetime.now(UTC))
        except Exception as error:
            raise DeliveryError(f"{self.name}: {error}") from error

    def close(self) -> None:
        """Do nothing: the clients are shared."""

    def _send_message(self, failure: Failure, now: datetime) -> None:
        queue = self._client()
        url = queue.get_queue_url(QueueName=self._address.name, QueueOwnerAWSAccountId=self._address.account)
        queue.send_message(QueueUrl=url["QueueUrl"], MessageBody=_json(self._documents.metadata(failure, now)))

    def _publish(self, failure: Failure, now: datetime) -> None:
        """Publish the metadata. Without a payload it is far below the limit of SNS (D3)."""
        message = _json(self._documents.metadata(failure, now))
        self._client().publish(TopicArn=self._address.arn, Message=message)

    def _put_object(self, failure: Failure, now: datetime) -> None:
        """Put an object with the whole event, below a key like that of stream sources (D-S3)."""
        key = f"aws/lambda/{self._settings.uuid}/{now:%Y/%m/%d}/{now:%Y-%m-%dT%H.%M.%S}-{uuid4()}"
        body = _json(self._documents.with_payload(failure, now))
        self._client().put_object(Bucket=self._address.name, Key=key, Body=body.encode())

    def _client(self) -> Client:
        """Return a client of the destination's account and region, for a bucket those of the function."""
        function = parse_function_arn(self._settings.function_arn)
        account, region = self._address.account or function.account, self._address.region or function.region
        return self._clients(self._address.service, account, region)


def _json(document: Document) -> str:
    return orjson.dumps(document).decode()
