"""The archive on the whole local cloud: the bucket of the template, the deployed functions, and the commands."""

import gzip
import json
from uuid import uuid4

import httpx

from millrace_local.deployment import aws
from tests.kit.cloud import Cloud
from tests.kit.servers import wait_until

TOPIC = "user-activity-events"


def test_what_was_published_is_archived_and_the_same(cloud: Cloud) -> None:
    """`./millrace events archive` writes it, and `--verify` finds nothing wrong."""
    user = f"user-{uuid4()}"
    event = {"userId": user, "eventType": "LOGIN"}
    answer = httpx.post(f"{cloud.instance.api_url}/events/generate", json=event, timeout=30)
    assert answer.status_code == 200

    wait_until(lambda: user in archived(cloud), seconds=60, what="the event to be archived")

    verified = json.loads(cloud.millrace("events", "archive", "--verify", "--topic", TOPIC, "--json").stdout)
    found = verified["result"][TOPIC]
    assert found["archived"] == found["same"] > 0
    assert found["examples"] == []


def test_the_result_is_shown_as_a_table(cloud: Cloud) -> None:
    """One row for each topic, and a sentence."""
    archived(cloud)

    shown = cloud.millrace("events", "archive", "--verify", "--topic", TOPIC)

    assert TOPIC in shown.stdout
    assert "Nothing is wrong in" in shown.stderr


def archived(cloud: Cloud) -> str:
    """Archive now. Returns every line of the topic's archive."""
    cloud.millrace("events", "archive", "--topic", TOPIC)
    s3 = aws.client(cloud.instance, "s3")
    [bucket] = [each["Name"] for each in s3.list_buckets()["Buckets"] if "archivebucket" in each["Name"]]
    files = s3.list_objects_v2(Bucket=bucket, Prefix=f"topics/{TOPIC}/").get("Contents", [])
    contents = (s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in files)
    return "".join(gzip.decompress(content).decode() for content in contents)
