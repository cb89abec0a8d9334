import pytest

from millrace_plugin.msk.clusters import ClusterExistsError, ClusterNotFoundError, Clusters, to_version_1


def test_an_arn_holds_the_name_and_is_the_same_for_ever() -> None:
    """A mapping's source and a template's parameter survive a restart of LocalStack."""
    first, again = (Clusters("123456789012", "eu-west-1").create("millrace", "SERVERLESS", {}, {}) for _ in range(2))
    assert first["ClusterArn"] == again["ClusterArn"]
    assert first["ClusterArn"].startswith("arn:aws:kafka:eu-west-1:123456789012:cluster/millrace/")
    assert Clusters("123456789012", "eu-west-2").arn("millrace") != first["ClusterArn"]


def test_a_name_is_free_again_after_its_cluster_is_deleted() -> None:
    """Until then it is refused."""
    clusters = Clusters("1", "r")
    arn = clusters.create("a", "PROVISIONED", {}, {})["ClusterArn"]
    with pytest.raises(ClusterExistsError):
        clusters.create("a", "PROVISIONED", {}, {})
    clusters.delete(arn)
    with pytest.raises(ClusterNotFoundError, match="does not exist"):
        clusters.get(arn)
    clusters.create("a", "PROVISIONED", {}, {})


def test_clusters_are_listed_by_name_prefix_and_kind() -> None:
    """The filters of ListClustersV2."""
    clusters = Clusters("1", "r")
    for name, kind in (("orders", "PROVISIONED"), ("orders-2", "SERVERLESS"), ("notes", "SERVERLESS")):
        clusters.create(name, kind, {}, {})
    assert [each["ClusterName"] for each in clusters.find_all("orders")] == ["orders", "orders-2"]
    assert [each["ClusterName"] for each in clusters.find_all(kind="SERVERLESS")] == ["orders-2", "notes"]


def test_the_first_version_of_the_api_shows_the_settings_beside_the_name() -> None:
    """No Provisioned block there."""
    cluster = Clusters("1", "r").create("a", "PROVISIONED", {"NumberOfBrokerNodes": 1}, {})
    shown = to_version_1(cluster)
    assert shown["NumberOfBrokerNodes"] == 1
    assert not {"Provisioned", "ClusterType"} & shown.keys()
