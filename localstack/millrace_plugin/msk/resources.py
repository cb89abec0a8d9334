"""Create MSK clusters and topics of CloudFormation templates through the MSK API.

Properties, identifiers and create-only properties are those of AWS's resource schemas.
"""

import logging
from typing import Any

from localstack.services.cloudformation.resource_provider import (
    CloudFormationResourceProviderPlugin,
    OperationStatus,
    ProgressEvent,
    ResourceProvider,
)

LOG = logging.getLogger(__name__)
Untyped = Any  # LocalStack's requests and progress
Model = dict[str, Any]

# The local broker has no authentication, and settings and logs of its own.
WITHOUT_EFFECT = (
    "ClientAuthentication",
    "ConfigurationInfo",
    "EncryptionInfo",
    "LoggingInfo",
    "OpenMonitoring",
    "Rebalancing",
    "ZookeeperAccess",
)
PROVISIONED = ("BrokerNodeGroupInfo", "KafkaVersion", "NumberOfBrokerNodes", "EnhancedMonitoring", "StorageMode")
PROVISIONED_ALSO = ("ClientAuthentication", "ConfigurationInfo", "EncryptionInfo", "LoggingInfo", "OpenMonitoring")


class Resource(ResourceProvider[Model]):  # type: ignore[misc]  # LocalStack's class is untyped
    """A resource that exists as soon as it is created."""

    def delete(self, request: Untyped) -> Untyped:
        kafka = request.aws_client_factory.kafka
        try:
            self.remove(kafka, request.previous_state or request.desired_state)
        except kafka.exceptions.NotFoundException:
            LOG.debug("%s is gone already.", request.logical_resource_id)
        return ProgressEvent(OperationStatus.SUCCESS, resource_model={})

    def remove(self, kafka: Untyped, model: Model) -> None:
        raise NotImplementedError


class Cluster(Resource):
    TYPE = "AWS::MSK::Cluster"
    SCHEMA: Model = {  # noqa: RUF012 - LocalStack reads it from the class
        "primaryIdentifier": ["/properties/Arn"],
        "readOnlyProperties": ["/properties/Arn", "/properties/CurrentVersion"],
        "createOnlyProperties": ["/properties/ClusterName"],
    }

    def create(self, request: Untyped) -> Untyped:
        new = request.desired_state
        settings = {name: new[name] for name in (*PROVISIONED, *PROVISIONED_ALSO) if name in new}
        cluster = request.aws_client_factory.kafka.create_cluster_v2(
            ClusterName=new["ClusterName"], Provisioned=settings, Tags=new.get("Tags") or {}
        )
        warn(request.logical_resource_id, new)
        return _succeed(request, Arn=cluster["ClusterArn"], CurrentVersion="K1")

    def update(self, request: Untyped) -> Untyped:
        """Replace the cluster's description. Its name and ARN stay the same, and the topics are the broker's."""
        self.delete(request)
        return self.create(request)

    def remove(self, kafka: Untyped, model: Model) -> None:
        kafka.delete_cluster(ClusterArn=model["Arn"])


class ServerlessCluster(Cluster):
    TYPE = "AWS::MSK::ServerlessCluster"
    SCHEMA: Model = {  # noqa: RUF012 - as above
        "primaryIdentifier": ["/properties/Arn"],
        "readOnlyProperties": ["/properties/Arn"],
        "createOnlyProperties": ["/properties/ClusterName"],
    }

    def create(self, request: Untyped) -> Untyped:
        new = request.desired_state
        serverless = {name: new[name] for name in ("ClientAuthentication", "VpcConfigs") if name in new}
        cluster = request.aws_client_factory.kafka.create_cluster_v2(
            ClusterName=new["ClusterName"], Serverless=serverless, Tags=new.get("Tags") or {}
        )
        warn(request.logical_resource_id, new)
        return _succeed(request, Arn=cluster["ClusterArn"])


class Topic(Resource):
    TYPE = "AWS::MSK::Topic"
    SCHEMA: Model = {  # noqa: RUF012 - as above
        "primaryIdentifier": ["/properties/TopicArn"],
        "readOnlyProperties": ["/properties/TopicArn"],
        "createOnlyProperties": [
            "/properties/ClusterArn",
            "/properties/ReplicationFactor",
            "/properties/TopicName",
        ],
    }

    def create(self, request: Untyped) -> Untyped:
        new = request.desired_state
        topic = request.aws_client_factory.kafka.create_topic(
            ClusterArn=new["ClusterArn"],
            TopicName=new["TopicName"],
            PartitionCount=int(new["PartitionCount"]),
            ReplicationFactor=int(new["ReplicationFactor"]),
            **({"Configs": new["Configs"]} if "Configs" in new else {}),
        )
        return _succeed(request, TopicArn=topic["TopicArn"])

    def update(self, request: Untyped) -> Untyped:
        new = request.desired_state
        request.aws_client_factory.kafka.update_topic(
            ClusterArn=new["ClusterArn"],
            TopicName=new["TopicName"],
            PartitionCount=int(new["PartitionCount"]),
            **({"Configs": new["Configs"]} if "Configs" in new else {}),
        )
        return _succeed(request, TopicArn=request.previous_state["TopicArn"])

    def remove(self, kafka: Untyped, model: Model) -> None:
        kafka.delete_topic(ClusterArn=model["ClusterArn"], TopicName=model["TopicName"])


def warn(name: str, properties: Model) -> None:
    """Log a warning for the properties that have no effect on the local broker."""
    if ignored := [each for each in WITHOUT_EFFECT if each in properties]:
        LOG.warning("%s: %s have no effect on the local broker, which is plaintext.", name, ", ".join(ignored))


def _succeed(request: Untyped, **read_only: str) -> Untyped:
    return ProgressEvent(OperationStatus.SUCCESS, resource_model=request.desired_state | read_only)


class ResourcePlugin(CloudFormationResourceProviderPlugin):  # type: ignore[misc]  # as above
    """Register a type and its provider with LocalStack."""

    def load(self) -> None:
        """Do nothing: the provider is imported already."""


class ClusterPlugin(ResourcePlugin):
    name, factory = Cluster.TYPE, Cluster


class ServerlessClusterPlugin(ResourcePlugin):
    name, factory = ServerlessCluster.TYPE, ServerlessCluster


class TopicPlugin(ResourcePlugin):
    name, factory = Topic.TYPE, Topic
