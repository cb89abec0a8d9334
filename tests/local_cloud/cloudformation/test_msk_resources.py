"""MSK resources in a template are the local Kafka under names and ARNs of their own."""

from typing import Any

import pytest
from confluent_kafka import Producer

from tests.kit.servers import wait_until
from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.cloudformation.templates import Resource, failing, with_function

COUNT = "def handler(event, context):\n    print('GOT', sum(map(len, event['records'].values())))\n"


def cluster(kind: str, name: str) -> Resource:
    if kind == "AWS::MSK::Cluster":
        brokers = {"InstanceType": "kafka.m7g.large", "ClientSubnets": ["subnet-1", "subnet-2"]}
        settings: dict[str, Any] = {"KafkaVersion": "3.9.x", "NumberOfBrokerNodes": 2, "BrokerNodeGroupInfo": brokers}
    else:
        iam = {"Sasl": {"Iam": {"Enabled": True}}}
        settings = {"VpcConfigs": [{"SubnetIds": ["subnet-1"]}], "ClientAuthentication": iam}
    return {"Type": kind, "Properties": {"ClusterName": name, **settings}}


def template(kind: str, name: str, topic: str, partitions: int = 2, **more: Resource) -> dict[str, Any]:
    described = {"TopicName": topic, "PartitionCount": partitions, "ReplicationFactor": 3}
    mapping = {
        "FunctionName": {"Ref": "Function"},
        "EventSourceArn": {"Fn::GetAtt": ["Cluster", "Arn"]},
        "Topics": [topic],
        "StartingPosition": "TRIM_HORIZON",
    }
    made = with_function(
        COUNT,
        Cluster=cluster(kind, name),
        Topic={"Type": "AWS::MSK::Topic", "Properties": {"ClusterArn": {"Ref": "Cluster"}, **described}},
        Trigger={"Type": "AWS::Lambda::EventSourceMapping", "DependsOn": ["Topic"], "Properties": mapping},
        **more,
    )
    made["Outputs"]["Cluster"] = {"Value": {"Ref": "Cluster"}}
    return made


@pytest.mark.parametrize("kind", ["AWS::MSK::Cluster", "AWS::MSK::ServerlessCluster"])
def test_a_trigger_on_a_cluster_of_the_template_is_given_the_records_of_its_topic(
    stack: Stack, kafka: str, kind: str
) -> None:
    """Ref and Arn are the cluster's ARN, its brokers are the local Kafka, and all is gone with the stack."""
    topic = f"{stack.name}-events"
    assert stack.deploy(template(kind, stack.name, topic)) == "CREATE_COMPLETE"
    msk, arn = stack.client("kafka"), stack.outputs["Cluster"]
    assert f":cluster/{stack.name}/" in arn
    assert msk.get_bootstrap_brokers(ClusterArn=arn)["BootstrapBrokerString"] == kafka

    producer = Producer({"bootstrap.servers": kafka})
    for _ in range(3):
        producer.produce(topic, b"{}")
    assert producer.flush(30) == 0
    logs, group = stack.client("logs"), f"/aws/lambda/{stack.outputs['Function']}"

    def received() -> int:
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            return 0
        lines = [event["message"] for event in logs.filter_log_events(logGroupName=group)["events"]]
        return sum(int(line.split()[-1]) for line in lines if "GOT" in line)

    wait_until(lambda: received() == 3, seconds=60, what="the function to be given three records")

    stack.delete()
    assert msk.list_clusters_v2(ClusterNameFilter=stack.name)["ClusterInfoList"] == []


def test_a_topic_is_enlarged_in_place_and_a_mapping_of_another_topic_is_another_mapping(stack: Stack) -> None:
    """The API has no update of a mapping's topics."""
    kind, topic = "AWS::MSK::Cluster", f"{stack.name}-a"
    stack.deploy(template(kind, stack.name, topic))
    before, msk = stack.physical_ids(), stack.client("kafka")
    assert stack.deploy(template(kind, stack.name, topic, partitions=4)) == "UPDATE_COMPLETE"
    assert msk.describe_topic(ClusterArn=before["Cluster"], TopicName=topic)["PartitionCount"] == 4
    assert stack.deploy(template(kind, stack.name, f"{stack.name}-b")) == "UPDATE_COMPLETE"
    after = stack.physical_ids()
    assert after["Cluster"] == before["Cluster"]
    assert after["Trigger"] != before["Trigger"]
    mapping = stack.client("lambda").get_event_source_mapping(UUID=after["Trigger"])
    assert mapping["Topics"] == [f"{stack.name}-b"]


def test_a_cluster_survives_a_failed_update(stack: Stack) -> None:
    """Its ARN is the same, and it describes itself as before."""
    kind = "AWS::MSK::Cluster"
    stack.deploy(template(kind, stack.name, stack.name))
    changed = template(kind, stack.name, stack.name, Bad=failing("Cluster"))
    changed["Resources"]["Cluster"]["Properties"]["NumberOfBrokerNodes"] = 4
    assert stack.deploy(changed) == "UPDATE_ROLLBACK_COMPLETE"
    described = stack.client("kafka").describe_cluster_v2(ClusterArn=stack.outputs["Cluster"])["ClusterInfo"]
    assert described["Provisioned"]["NumberOfBrokerNodes"] == 2


def test_a_configuration_of_brokers_is_refused(stack: Stack) -> None:
    """The local broker has settings of its own: one that the template refers to would be taken and not done."""
    made = template("AWS::MSK::Cluster", stack.name, stack.name)
    configuration = {"Name": "mine", "ServerProperties": "auto.create.topics.enable=true"}
    made["Resources"]["Settings"] = {"Type": "AWS::MSK::Configuration", "Properties": configuration}
    made["Resources"]["Cluster"]["Properties"]["ConfigurationInfo"] = {"Arn": {"Ref": "Settings"}, "Revision": 1}
    assert "Settings (AWS::MSK::Configuration)" in stack.deploy(made)
