"""Answer the operations of the MSK API. LocalStack routes the requests and serialises the answers."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from localstack.aws.api import CommonServiceException, RequestContext, handler

from millrace_plugin.msk.clusters import (
    ClusterExistsError,
    ClusterNotFoundError,
    Clusters,
    describe_provisioned,
    to_version_1,
)
from millrace_plugin.msk.topics import TopicNotFoundError, Topics
from millrace_plugin.settings import kafka_bootstrap

Request = dict[str, Any]
Operation = Callable[["MskProvider", RequestContext, Request], Request]
_REFUSALS = {
    KafkaError.TOPIC_ALREADY_EXISTS: ("TopicExistsException", 409),
    KafkaError._TIMED_OUT: ("KafkaTimeoutException", 504),  # noqa: SLF001 - librdkafka's own errors are named so
    KafkaError._TRANSPORT: ("ClusterConnectivityException", 503),  # noqa: SLF001 - as above
}


def operation(name: str) -> Callable[[Operation], Operation]:
    """Mark a method as the handler of the operation *name*, and turn its errors into the API's exceptions."""

    def decorate(function: Operation) -> Operation:
        @wraps(function)
        def handle(self: "MskProvider", context: RequestContext, request: Request) -> Request:
            try:
                return function(self, context, request)
            except (ClusterNotFoundError, TopicNotFoundError) as error:
                raise CommonServiceException("NotFoundException", str(error), 404) from error
            except ClusterExistsError as error:
                raise CommonServiceException("ConflictException", str(error), 409) from error
            except KafkaException as error:
                code, status = _REFUSALS.get(error.args[0].code(), ("BadRequestException", 400))
                raise CommonServiceException(code, error.args[0].str(), status) from error

        return handler(name, expand=False)(handle)  # type: ignore[no-any-return]  # LocalStack's decorator is untyped

    return decorate


class MskProvider:
    service = "kafka"

    def __init__(self) -> None:
        self._clusters: dict[tuple[str, str], Clusters] = {}
        self._bootstrap = kafka_bootstrap()

    @operation("CreateClusterV2")
    def create_cluster_v2(self, context: RequestContext, request: Request) -> Request:
        kind = "SERVERLESS" if "Serverless" in request else "PROVISIONED"
        settings = (
            request["Serverless"] if kind == "SERVERLESS" else describe_provisioned(request.get("Provisioned") or {})
        )
        cluster = self._clusters_of(context).create(request["ClusterName"], kind, settings, request.get("Tags") or {})
        return {name: cluster[name] for name in ("ClusterArn", "ClusterName", "ClusterType", "State")}

    @operation("CreateCluster")
    def create_cluster(self, context: RequestContext, request: Request) -> Request:
        tags = request.get("Tags") or {}
        cluster = self._clusters_of(context).create(
            request["ClusterName"], "PROVISIONED", describe_provisioned(request), tags
        )
        return {name: cluster[name] for name in ("ClusterArn", "ClusterName", "State")}

    @operation("DescribeClusterV2")
    def describe_cluster_v2(self, context: RequestContext, request: Request) -> Request:
        return {"ClusterInfo": self._cluster(context, request)}

    @operation("DescribeCluster")
    def describe_cluster(self, context: RequestContext, request: Request) -> Request:
        return {"ClusterInfo": to_version_1(self._cluster(context, request))}

    @operation("ListClustersV2")
    def list_clusters_v2(self, context: RequestContext, request: Request) -> Request:
        prefix, kind = request.get("ClusterNameFilter") or "", request.get("ClusterTypeFilter") or ""
        return {"ClusterInfoList": self._clusters_of(context).find_all(prefix, kind)}

    @operation("ListClusters")
    def list_clusters(self, context: RequestContext, request: Request) -> Request:
        clusters = self._clusters_of(context).find_all(request.get("ClusterNameFilter") or "", "PROVISIONED")
        return {"ClusterInfoList": [to_version_1(cluster) for cluster in clusters]}

    @operation("DeleteCluster")
    def delete_cluster(self, context: RequestContext, request: Request) -> Request:
        """Delete the cluster's name. The local broker and its topics stay."""
        return {
            "ClusterArn": self._clusters_of(context).delete(request["ClusterArn"])["ClusterArn"],
            "State": "DELETING",
        }

    @operation("GetBootstrapBrokers")
    def get_bootstrap_brokers(self, context: RequestContext, request: Request) -> Request:
        self._cluster(context, request)
        return {"BootstrapBrokerString": self._bootstrap, "BootstrapBrokerStringSaslIam": self._bootstrap}

    @operation("CreateTopic")
    def create_topic(self, context: RequestContext, request: Request) -> Request:
        partitions, replicas = request["PartitionCount"], request["ReplicationFactor"]
        return self._topics(context, request).create(request["TopicName"], partitions, replicas, request.get("Configs"))

    @operation("UpdateTopic")
    def update_topic(self, context: RequestContext, request: Request) -> Request:
        topics = self._topics(context, request)
        return topics.update(request["TopicName"], request.get("PartitionCount"), request.get("Configs"))

    @operation("DeleteTopic")
    def delete_topic(self, context: RequestContext, request: Request) -> Request:
        return self._topics(context, request).delete(request["TopicName"])

    @operation("DescribeTopic")
    def describe_topic(self, context: RequestContext, request: Request) -> Request:
        return self._topics(context, request).describe(request["TopicName"])

    @operation("DescribeTopicPartitions")
    def describe_topic_partitions(self, context: RequestContext, request: Request) -> Request:
        return {"Partitions": self._topics(context, request).partitions(request["TopicName"])}

    @operation("ListTopics")
    def list_topics(self, context: RequestContext, request: Request) -> Request:
        return {"Topics": self._topics(context, request).find_all(request.get("TopicNameFilter") or "")}

    def _clusters_of(self, context: RequestContext) -> Clusters:
        place = (context.account_id, context.region)
        return self._clusters.setdefault(place, Clusters(*place))

    def _cluster(self, context: RequestContext, request: Request) -> dict[str, Any]:
        return self._clusters_of(context).get(request["ClusterArn"])

    def _topics(self, context: RequestContext, request: Request) -> Topics:
        return Topics(self._bootstrap, self._cluster(context, request)["ClusterArn"])
