"""The MSK API through a real LocalStack and botocore, on the session's broker."""

import json
from base64 import b64decode, b64encode
from typing import Any
from uuid import uuid4

import boto3
import pytest
from confluent_kafka.admin import AdminClient

from millrace_local.instance import REGION, Instance
from tests.kit.servers import wait_until

Client = Any  # boto3 makes its clients at run time: they have no types
UNKNOWN = f"arn:aws:kafka:{REGION}:000000000000:cluster/nobody/00000000-0000-0000-0000-000000000000-1"
BROKERS = {
    "BrokerNodeGroupInfo": {"ClientSubnets": ["subnet-1"], "InstanceType": "kafka.m7g.large"},
    "KafkaVersion": "4.3.1",
    "NumberOfBrokerNodes": 1,
}


@pytest.fixture
def msk(localstack: Instance) -> Client:
    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    return boto3.client("kafka", endpoint_url=localstack.localstack_url, region_name=REGION, **keys)


@pytest.fixture
def name() -> str:
    return f"cluster-{uuid4().hex[:8]}"


def test_a_created_cluster_is_active_and_described_in_both_versions(msk: Client, name: str) -> None:
    """Create, describe and list, with the shapes that botocore expects."""
    created = msk.create_cluster_v2(ClusterName=name, Provisioned=BROKERS, Tags={"stage": "test"})
    arn = created["ClusterArn"]
    assert (created["State"], created["ClusterType"]) == ("ACTIVE", "PROVISIONED")
    described = msk.describe_cluster_v2(ClusterArn=arn)["ClusterInfo"]
    assert (described["ClusterName"], described["Tags"]) == (name, {"stage": "test"})
    assert described["Provisioned"]["NumberOfBrokerNodes"] == 1
    older = msk.describe_cluster(ClusterArn=arn)["ClusterInfo"]
    assert (older["ClusterArn"], older["CurrentBrokerSoftwareInfo"]) == (arn, {"KafkaVersion": "4.3.1"})
    assert [each["ClusterArn"] for each in msk.list_clusters_v2(ClusterNameFilter=name)["ClusterInfoList"]] == [arn]
    assert [each["ClusterArn"] for each in msk.list_clusters(ClusterNameFilter=name)["ClusterInfoList"]] == [arn]


def test_bootstrap_brokers_are_the_local_kafka(msk: Client, name: str, kafka: str) -> None:
    """For plain clients and for those that ask for IAM."""
    arn = msk.create_cluster_v2(ClusterName=name, Serverless={"VpcConfigs": []})["ClusterArn"]
    brokers = msk.get_bootstrap_brokers(ClusterArn=arn)
    assert (brokers["BootstrapBrokerString"], brokers["BootstrapBrokerStringSaslIam"]) == (kafka, kafka)


def test_a_name_taken_is_a_conflict_and_an_unknown_cluster_is_not_found(msk: Client, name: str) -> None:
    """In both versions, and after a delete too."""
    arn = msk.create_cluster(ClusterName=name, **BROKERS)["ClusterArn"]
    with pytest.raises(msk.exceptions.ConflictException, match=name):
        msk.create_cluster_v2(ClusterName=name, Provisioned=BROKERS)
    assert msk.delete_cluster(ClusterArn=arn)["State"] == "DELETING"
    for gone in (arn, UNKNOWN):
        for call in (msk.describe_cluster, msk.describe_cluster_v2, msk.delete_cluster, msk.list_topics):
            with pytest.raises(msk.exceptions.NotFoundException, match="does not exist"):
                call(ClusterArn=gone)


def test_topics_are_those_of_the_real_broker(msk: Client, name: str, kafka: str) -> None:
    """Create, describe, list and delete, seen by a Kafka client."""
    arn = msk.create_cluster_v2(ClusterName=name, Serverless={"VpcConfigs": []})["ClusterArn"]
    topic = f"topic-{uuid4().hex[:8]}"
    configs = b64encode(json.dumps({"retention.ms": 1234}).encode()).decode()
    msk.create_topic(ClusterArn=arn, TopicName=topic, PartitionCount=3, ReplicationFactor=3, Configs=configs)
    admin = AdminClient({"bootstrap.servers": kafka})
    assert len(admin.list_topics(topic, timeout=10).topics[topic].partitions) == 3
    described = msk.describe_topic(ClusterArn=arn, TopicName=topic)
    assert (described["PartitionCount"], described["ReplicationFactor"]) == (3, 1)
    assert json.loads(b64decode(described["Configs"]))["retention.ms"] == "1234"
    assert len(msk.describe_topic_partitions(ClusterArn=arn, TopicName=topic)["Partitions"]) == 3
    (listed,) = msk.list_topics(ClusterArn=arn, TopicNameFilter=topic)["Topics"]
    assert listed["TopicArn"].endswith(f"/{topic}")
    with pytest.raises(msk.exceptions.TopicExistsException):
        msk.create_topic(ClusterArn=arn, TopicName=topic, PartitionCount=1, ReplicationFactor=1)
    msk.delete_topic(ClusterArn=arn, TopicName=topic)
    wait_until(lambda: topic not in admin.list_topics(timeout=10).topics)
    with pytest.raises(msk.exceptions.NotFoundException):
        msk.describe_topic(ClusterArn=arn, TopicName=topic)
