"""Keep the clusters of one account and region, in the shapes of the MSK API (v1 and v2)."""

from datetime import UTC, datetime
from typing import Any
from uuid import NAMESPACE_URL, uuid5

KAFKA_VERSION = "4.3.1"
CURRENT_VERSION = "K1"  # MSK's revision of a cluster's settings, which nothing changes here


class ClusterNotFoundError(Exception):
    pass


class ClusterExistsError(Exception):
    pass


class Clusters:
    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self._by_arn: dict[str, dict[str, Any]] = {}

    def arn(self, name: str) -> str:
        """Return the ARN of a name. It is always the same, so that references survive a restart of LocalStack."""
        prefix = f"arn:aws:kafka:{self._region}:{self._account}:cluster/{name}"
        return f"{prefix}/{uuid5(NAMESPACE_URL, prefix)}-1"

    def create(self, name: str, kind: str, settings: dict[str, Any], tags: dict[str, str]) -> dict[str, Any]:
        """Add a cluster and return it. It is ACTIVE at once.

        kind: PROVISIONED or SERVERLESS.
        settings: that block of CreateClusterV2.

        Raises:
            ClusterExistsError: the name is taken.
        """
        arn = self.arn(name)
        if arn in self._by_arn:
            raise ClusterExistsError(f"A cluster named {name} already exists in {self._region}: {arn}")
        cluster = {
            "ClusterArn": arn,
            "ClusterName": name,
            "ClusterType": kind,
            "CreationTime": datetime.now(UTC),
            "CurrentVersion": CURRENT_VERSION,
            "State": "ACTIVE",
            "Tags": tags,
            kind.capitalize(): settings,
        }
        self._by_arn[arn] = cluster
        return cluster

    def get(self, arn: str) -> dict[str, Any]:
        """Return the cluster in the shape of DescribeClusterV2.

        Raises:
            ClusterNotFoundError: no cluster has that ARN.
        """
        if arn not in self._by_arn:
            known = ", ".join(self._by_arn) or "none"
            raise ClusterNotFoundError(f"Cluster {arn} does not exist; those of {self._region} are: {known}.")
        return self._by_arn[arn]

    def delete(self, arn: str) -> dict[str, Any]:
        cluster = self.get(arn)
        del self._by_arn[arn]
        return cluster

    def find_all(self, name_prefix: str = "", kind: str = "") -> list[dict[str, Any]]:
        return [
            cluster
            for cluster in self._by_arn.values()
            if cluster["ClusterName"].startswith(name_prefix) and kind in {"", cluster["ClusterType"]}
        ]


def describe_provisioned(request: dict[str, Any]) -> dict[str, Any]:
    """Return the `Provisioned` block of DescribeClusterV2 for that of CreateClusterV2."""
    shown = ("BrokerNodeGroupInfo", "ClientAuthentication", "EncryptionInfo", "EnhancedMonitoring", "StorageMode")
    return {
        "NumberOfBrokerNodes": request.get("NumberOfBrokerNodes", 1),
        "CurrentBrokerSoftwareInfo": {"KafkaVersion": request.get("KafkaVersion", KAFKA_VERSION)},
        **{name: request[name] for name in shown if name in request},
    }


def to_version_1(cluster: dict[str, Any]) -> dict[str, Any]:
    """Return a cluster in the shape of the API's first version, with provisioned settings beside its name."""
    shown: dict[str, Any] = {**cluster, **cluster.get("Provisioned", {})}
    return {name: value for name, value in shown.items() if name not in {"ClusterType", "Provisioned", "Serverless"}}
