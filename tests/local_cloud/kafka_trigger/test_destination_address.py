import pytest

from millrace_plugin.kafka_trigger.destinations.address import InvalidDestinationError, check_destination, parse_arn

LAMBDA = "arn:aws:lambda:us-east-1:000000000000"


@pytest.mark.parametrize(
    "destination",
    [
        "",
        "kafka://orders-dlq",
        "kafka://" + "t" * 249,
        "arn:aws:sqs:us-east-1:000000000000:failed",
        "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:failed_1",
        "arn:aws:sns:eu-central-1:123456789012:failed",
        "arn:aws:s3:::failed.records-1",
    ],
)
def test_d1_queues_topics_buckets_and_kafka_topics_are_destinations(destination: str) -> None:
    """The empty string removes the destination."""
    check_destination(destination)


@pytest.mark.parametrize(
    "destination",
    [
        "http://x",
        "kafka://",
        "kafka://.hidden",
        "kafka://a/b",
        "kafka://" + "t" * 250,
        "KAFKA://orders",
        "orders-dlq",
        f"{LAMBDA}:function:f",
        "arn:aws:events:us-east-1:000000000000:event-bus/default",
        "arn:aws:kafka:us-east-1:000000000000:cluster/c/1",
        "arn:aws:sqs:us-east-1:000000000000",
        "arn:aws:sqs:us-east-1:000000000000:",
        "arn:aws:sqs:us-east-1::failed",
        "arn:aws:sqs::000000000000:failed",
        "arn:aws:sqs:nowhere:000000000000:failed",
        "arn:aws:sqs:us-east-1:0:failed",
        "arn:aws:sqs:us-east-1:000000000000:a b",
        "arn:aws:sqs:us-east-1:000000000000:failed\n",
        "arn:aws:sqs:us-east-1:\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0660:failed",
        "kafka://orders\n",
        "arn:aws:sqs:us-east-1:000000000000:" + "q" * 81,
        "arn:aws:sns:us-east-1:000000000000:t:subscription",
        "arn:aws:s3:::bucket/key",
        "arn:aws:s3:::Bucket",
        "arn:aws:s3:us-east-1:000000000000:accesspoint/a",
        "arn:aws:s3:::" + "b" * 400,
        " arn:aws:s3:::bucket",
        "arn:aws:s3:::bucket\n",
    ],
)
def test_d1_everything_else_is_refused_in_the_words_of_the_api(destination: str) -> None:
    """The message names the value, the parameter and what is allowed."""
    with pytest.raises(InvalidDestinationError) as refused:
        check_destination(destination)
    start = (
        f"Value '{destination}' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must"
    )
    assert str(refused.value).startswith(start)


@pytest.mark.parametrize("service", ["sqs", "sns"])
def test_d1_fifo_queues_and_topics_are_refused_with_what_to_use_instead(service: str) -> None:
    """As on AWS: a document has no message group."""
    with pytest.raises(InvalidDestinationError, match="FIFO queues and topics cannot be destinations, use a standard"):
        check_destination(f"arn:aws:{service}:us-east-1:000000000000:failed.fifo")


def test_an_arn_is_divided_into_its_parts() -> None:
    """A bucket's ARN has neither region nor account."""
    queue, bucket = parse_arn("arn:aws:sqs:us-east-1:000000000000:failed"), parse_arn("arn:aws:s3:::failed")
    assert (queue.service, queue.region, queue.account, queue.name) == ("sqs", "us-east-1", "000000000000", "failed")
    assert (bucket.service, bucket.region, bucket.account, bucket.name) == ("s3", "", "", "failed")
