"""An SQS queue for one test."""

import json
from typing import Any
from uuid import uuid4

from tests.kit.servers import wait_until

Client = Any  # boto3 makes its clients at run time: they have no types


class Queue:
    def __init__(self, sqs: Client) -> None:
        self._sqs = sqs
        self.url = sqs.create_queue(QueueName=f"failed-{uuid4().hex[:8]}")["QueueUrl"]
        self.arn = sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def receive(self) -> list[Any]:
        """Return the bodies of the messages that are there, as documents; wait for the first."""
        messages: list[Any] = []

        def poll() -> bool:
            answer = self._sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10)
            messages.extend(json.loads(message["Body"]) for message in answer.get("Messages", []))
            return bool(messages)

        wait_until(poll, what=f"a message in {self.arn}")
        return messages
