"""Retries, destinations and dead letters of asynchronous invocations, on a real LocalStack."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.kit.servers import wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

FAIL = "def handler(event, context): raise OSError(event)"
ECHO = "def handler(event, context): return event"


@dataclass(frozen=True)
class Queue:
    client: Any
    url: str
    arn: str

    def receive(self) -> Any:  # noqa: ANN401 - a message of SQS
        """Return the next message, which has to come."""
        found: list[Any] = []

        def came() -> bool:
            answer = self.client.receive_message(QueueUrl=self.url, WaitTimeSeconds=5, MessageAttributeNames=["All"])
            found.extend(answer.get("Messages", ()))
            return bool(found)

        wait_until(came, seconds=60, what="a message")
        self.client.delete_message(QueueUrl=self.url, ReceiptHandle=found[0]["ReceiptHandle"])
        return found[0]

    def record(self) -> Any:  # noqa: ANN401 - a document of Lambda
        return json.loads(self.receive()["Body"])


@pytest.fixture
def queue(functions: "Cloud") -> Iterator[Queue]:
    client = functions.client("sqs")
    url = client.create_queue(QueueName=f"q-{uuid.uuid4().hex[:12]}")["QueueUrl"]
    attributes = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
    yield Queue(client, url, attributes["QueueArn"])
    client.delete_queue(QueueUrl=url)


def publish(functions: "Cloud", name: str) -> str:
    """Publish a version behind the alias `live`. Returns its number."""
    version = str(functions.functions.publish_version(FunctionName=name)["Version"])
    functions.functions.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    return version


def invoke(functions: "Cloud", name: str, event: object, **which: str) -> None:
    functions.functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps(event), **which)


def test_the_settings_of_an_alias_hold_for_its_invocations(functions: "Cloud", queue: Queue) -> None:
    """Retries and both destinations: SAM gives them to the alias of AutoPublishAlias."""
    name = functions.create("def handler(event, context): return 1 / event", Timeout=30)
    publish(functions, name)
    destinations = {"OnFailure": {"Destination": queue.arn}, "OnSuccess": {"Destination": queue.arn}}
    settings = {"MaximumRetryAttempts": 1, "DestinationConfig": destinations}
    functions.functions.put_function_event_invoke_config(FunctionName=name, Qualifier="live", **settings)
    invoke(functions, name, 0, Qualifier="live")
    failure = queue.record()
    assert failure["requestContext"]["condition"] == "RetriesExhausted"
    assert failure["requestContext"]["approximateInvokeCount"] == 2
    assert failure["requestPayload"] == 0
    assert failure["responsePayload"]["errorType"] == "ZeroDivisionError"
    invoke(functions, name, 4, Qualifier="live")
    assert queue.record()["responsePayload"] == 0.25


def test_the_settings_of_another_qualifier_do_not_hold(functions: "Cloud", queue: Queue) -> None:
    """What a version has is not its alias's, and the function's own are those of $LATEST."""
    name = functions.create(ECHO, Timeout=30)
    version = publish(functions, name)
    client = functions.functions
    for qualifier in (version, "$LATEST"):
        destination = {"OnSuccess": {"Destination": queue.arn}}
        client.put_function_event_invoke_config(FunctionName=name, Qualifier=qualifier, DestinationConfig=destination)
    invoke(functions, name, "alias", Qualifier="live")
    invoke(functions, name, "version", Qualifier=version)
    invoke(functions, name, "own")
    assert sorted(queue.record()["requestPayload"] for _ in range(2)) == ["own", "version"]


def test_an_event_that_is_throttled_for_good_is_a_dead_letter(functions: "Cloud", queue: Queue) -> None:
    """Without reserved concurrency no invocation runs, so there is no error of the function."""
    name = functions.create(ECHO, DeadLetterConfig={"TargetArn": queue.arn}, Timeout=30)
    functions.functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    invoke(functions, name, {"kept": True})
    letter = queue.receive()
    assert json.loads(letter["Body"]) == {"kept": True}
    assert "throttled" in letter["MessageAttributes"]["ErrorMessage"]["StringValue"]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def handler(event, context): raise ValueError", "ValueError"),
        ("def handler(event, context): raise ValueError('x' * 5000)", "x" * 1024),
    ],
    ids=["no message", "a long message"],
)
def test_a_dead_letter_has_an_error_message(functions: "Cloud", queue: Queue, source: str, message: str) -> None:
    """SQS takes none that is empty, and Lambda cuts it at 1 KB."""
    name = functions.create(source, DeadLetterConfig={"TargetArn": queue.arn}, Timeout=30)
    functions.functions.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    invoke(functions, name, "kept")
    letter = queue.receive()
    assert letter["Body"] == '"kept"'
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == message


@pytest.mark.parametrize("settings", [{"MaximumRetryAttempts": 3}, {"MaximumEventAgeInSeconds": 21_601}])
def test_settings_that_lambda_does_not_take_are_refused(functions: "Cloud", settings: dict[str, int]) -> None:
    name, client = functions.create(ECHO), functions.functions
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        client.put_function_event_invoke_config(FunctionName=name, **settings)
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=2)
    with pytest.raises(ClientError, match="InvalidParameterValueException"):
        client.update_function_event_invoke_config(FunctionName=name, **settings)
