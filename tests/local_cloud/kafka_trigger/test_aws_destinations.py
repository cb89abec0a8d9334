"""Failed records reach real queues, topics and buckets of LocalStack (sections 8.1 and 8.2)."""

import json
from base64 import b64decode
from uuid import uuid4

import pytest

from millrace_local.instance import ACCOUNT, REGION
from millrace_plugin.kafka_trigger.destinations.address import parse_arn
from millrace_plugin.kafka_trigger.destinations.aws import AwsDestination
from millrace_plugin.kafka_trigger.failure import DeliveryError, Failure
from millrace_plugin.kafka_trigger.payload import Encoder
from millrace_plugin.kafka_trigger.settings import Settings
from tests.kit.servers import wait_until
from tests.local_cloud.kafka_trigger.conftest import FUNCTION_ARN, Mappings, Services, Topic
from tests.local_cloud.kafka_trigger.fake_function import RAISED, FakeFunction
from tests.local_cloud.kafka_trigger.queues import Queue

OTHER_ACCOUNT, OTHER_REGION = "222222222222", "eu-central-1"
ENCODER = Encoder("source", 7)


def destination(arn: str, services: Services) -> AwsDestination:
    settings = Settings("uuid-1", FUNCTION_ARN, "source", "g", "b:9092", None)
    return AwsDestination(settings, parse_arn(arn), services)


def failure(size: int = 1) -> Failure:
    record = ENCODER.record(4, 1, "CREATE_TIME", None, b"x" * size, None)
    return Failure(7, [record], "RetriesExhausted", 1, None)


def test_r2_r16_a_queue_gets_one_document_for_the_share_of_a_partition(
    topic: Topic, mappings: Mappings, services: Services, quick_retries: None
) -> None:
    """Metadata alone, delivered before the offsets are committed."""
    queue = Queue(services("sqs"))
    topic.write(3, timestamp=1749116692330)
    mapping = mappings.start(
        topic, FakeFunction(lambda _: RAISED), clients=services, destination=queue.arn, maximum_retries=1
    )
    wait_until(lambda: topic.committed(mapping.settings.group) == 3)
    (document,) = queue.receive()
    assert document["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert document["requestContext"]["approximateInvokeCount"] == 2
    assert document["KafkaBatchInfo"]["batchSize"] == 3
    assert document["KafkaBatchInfo"]["recordsInfo"] == {
        topic.label(): {
            "firstRecordOffset": "0",
            "lastRecordOffset": "2",
            "firstRecordTimestamp": "2025-06-05T09:44:52.330Z",
            "lastRecordTimestamp": "2025-06-05T09:44:52.330Z",
        }
    }
    assert "payload" not in document
    assert mapping.counters.OnFailureDestinationDeliveredEventCount == 3


def test_d4_a_topic_hands_the_document_to_its_subscribers(services: Services) -> None:
    """A queue that is subscribed with raw delivery gets the document as it is."""
    sns, queue = services("sns"), Queue(services("sqs"))
    arn = sns.create_topic(Name=f"failed-{uuid4().hex[:8]}")["TopicArn"]
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    destination(arn, services).deliver(failure())
    received = queue.receive()
    assert received[0]["KafkaBatchInfo"]["recordsInfo"]["source-7"]["firstRecordOffset"] == "4"
    assert "payload" not in received[0]


def test_8_2_d_s3_a_bucket_gets_an_object_with_the_whole_event(
    topic: Topic, mappings: Mappings, services: Services, quick_retries: None
) -> None:
    """A record as large as an event may be, under a key with the mapping's UUID and the date."""
    s3, bucket, size = services("s3"), f"failed-{uuid4().hex[:8]}", 4_500_000
    s3.create_bucket(Bucket=bucket)
    big = Topic(topic.bootstrap, max_message_bytes="20000000")
    big.write(1, value=b"x" * size)
    mapping = mappings.start(
        big, FakeFunction(lambda _: RAISED), clients=services, destination=f"arn:aws:s3:::{bucket}", maximum_retries=0
    )
    wait_until(lambda: big.committed(mapping.settings.group) == 1, seconds=60)
    (listed,) = s3.list_objects_v2(Bucket=bucket)["Contents"]
    document = json.loads(s3.get_object(Bucket=bucket, Key=listed["Key"])["Body"].read())
    day, second = document["timestamp"][:10], document["timestamp"][:19].replace(":", ".")
    assert listed["Key"].startswith(f"aws/lambda/{mapping.settings.uuid}/{day.replace('-', '/')}/{second}-")
    event = json.loads(document["payload"])
    assert len(b64decode(event["records"][big.label()][0]["value"])) == size
    assert document["KafkaBatchInfo"]["payloadSize"] == len(document["payload"])


@pytest.mark.parametrize("service", ["sqs", "sns"])
def test_a_queue_or_topic_of_another_account_and_region_is_found(service: str, services: Services) -> None:
    """Its ARN says where it is; the function's own account and region do not matter."""
    queue = Queue(services("sqs", OTHER_ACCOUNT, OTHER_REGION))
    arn = queue.arn
    if service == "sns":
        sns = services("sns", OTHER_ACCOUNT, OTHER_REGION)
        arn = sns.create_topic(Name=f"failed-{uuid4().hex[:8]}")["TopicArn"]
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue.arn, Attributes={"RawMessageDelivery": "true"})
    assert f":{OTHER_REGION}:{OTHER_ACCOUNT}:" in arn
    destination(arn, services).deliver(failure())
    received = queue.receive()
    assert received[0]["KafkaBatchInfo"]["batchSize"] == 1


def test_a_bucket_of_another_region_is_found(services: Services) -> None:
    """The names of buckets are unique in all regions."""
    s3, bucket = services("s3", region=OTHER_REGION), f"failed-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": OTHER_REGION})
    destination(f"arn:aws:s3:::{bucket}", services).deliver(failure())
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 1


@pytest.mark.parametrize(
    ("arn", "reason"),
    [
        (f"arn:aws:sqs:{REGION}:{ACCOUNT}:nowhere", "specified queue does not exist"),
        (f"arn:aws:sns:{REGION}:{ACCOUNT}:nowhere", "Topic does not exist"),
        ("arn:aws:s3:::nowhere", "specified bucket does not exist"),
    ],
)
def test_r17_a_destination_that_is_missing_says_so(arn: str, reason: str, services: Services) -> None:
    """The error names the destination and what is wrong with it."""
    with pytest.raises(DeliveryError, match=reason) as error:
        destination(arn, services).deliver(failure())
    assert str(error.value).startswith(arn)
    assert error.value.delivered == 0
