"""Aliases of two versions, and aliases with provisioned concurrency, on a real LocalStack."""

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.kit.servers import wait_until

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

WHICH = "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_FUNCTION_VERSION']"
HOW = "import os\ndef handler(event, context): return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']"


@pytest.fixture
def name(functions: "Cloud") -> str:
    """Create a function of two versions, with the alias `live` of the first."""
    name, client = functions.create(WHICH, Timeout=30), functions.functions
    client.publish_version(FunctionName=name)
    functions.update(name, WHICH + " # second")
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    return name


def seen(functions: "Cloud", name: str) -> set[object]:
    return {functions.invoke(name, Qualifier="live").payload for _ in range(40)}


def test_the_weights_of_an_alias_can_change(functions: "Cloud", name: str) -> None:
    """All invocations, some, and none go to the second version; what an update does not name stays."""
    client = functions.functions
    assert seen(functions, name) == {"1"}
    client.update_alias(FunctionName=name, Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    assert seen(functions, name) == {"1", "2"}
    alias = client.update_alias(FunctionName=name, Name="live", Description="half")
    assert alias["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    client.update_alias(FunctionName=name, Name="live", FunctionVersion="2", RoutingConfig={})
    assert seen(functions, name) == {"2"}


def test_an_alias_leads_to_versions_that_are_there(functions: "Cloud", name: str) -> None:
    """An update is checked as a creation is, and changes nothing when it is refused."""
    client = functions.functions
    for change, words in (
        ({"FunctionVersion": "7"}, "ResourceNotFoundException"),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"7": 0.1}}}, "ResourceNotFoundException"),
        ({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}, "InvalidParameterValueException"),
        ({"FunctionVersion": "$LATEST", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}}, "LATEST"),
    ):
        with pytest.raises(ClientError, match=words):
            client.update_alias(FunctionName=name, Name="live", **change)
    assert client.get_alias(FunctionName=name, Name="live")["FunctionVersion"] == "1"


def test_more_provisioned_concurrency_is_in_progress_until_it_is_there(functions: "Cloud") -> None:
    """A change of a change, too; invocations meanwhile are answered."""
    name, client = functions.create(HOW, Timeout=30), functions.functions
    client.publish_version(FunctionName=name)
    which = {"FunctionName": name, "Qualifier": "1"}
    for executions in (1, 3):
        client.put_provisioned_concurrency_config(**which, ProvisionedConcurrentExecutions=executions)
        while (found := client.get_provisioned_concurrency_config(**which))["Status"] == "IN_PROGRESS":
            functions.invoke(name, Qualifier="1")
        assert (found["Status"], found["AvailableProvisionedConcurrentExecutions"]) == ("READY", executions)
        assert functions.invoke(name, Qualifier="1").payload == "provisioned-concurrency"


@pytest.mark.parametrize("how", ["delete_provisioned_concurrency_config", "delete_alias"])
def test_the_provisioned_concurrency_of_an_alias_ends(functions: "Cloud", how: str) -> None:
    """By its own deletion, and with the alias: its environments are stopped."""
    name, client = functions.create(HOW, Timeout=30), functions.functions
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    which = {"FunctionName": name, "Qualifier": "live"}
    client.put_provisioned_concurrency_config(**which, ProvisionedConcurrentExecutions=1)
    wait_until(
        lambda: client.get_provisioned_concurrency_config(**which)["Status"] == "READY",
        seconds=60,
        what="the environment to be ready",
    )
    assert functions.invoke(name, Qualifier="live").payload == "provisioned-concurrency"
    if how == "delete_alias":
        client.delete_alias(FunctionName=name, Name="live")
    else:
        client.delete_provisioned_concurrency_config(**which)
        with pytest.raises(ClientError, match="ProvisionedConcurrencyConfigNotFound"):
            client.get_provisioned_concurrency_config(**which)
    wait_until(lambda: not functions.processes(name), seconds=60, what="the environment to stop")
    assert functions.invoke(name, Qualifier="1").payload == "on-demand"
