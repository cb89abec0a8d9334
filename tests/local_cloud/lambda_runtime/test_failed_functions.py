"""Functions that failed to be created or updated can be updated and deleted."""

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.local_cloud.lambda_runtime.conftest import Cloud

ECHO = "def handler(event, context): return event"


def described(functions: "Cloud", name: str, **which: str) -> tuple[Any, Any]:
    """Return the function's State and LastUpdateStatus."""
    configuration = functions.functions.get_function_configuration(FunctionName=name, **which)
    return configuration["State"], configuration.get("LastUpdateStatus")


def configure(functions: "Cloud", name: str, **settings: object) -> None:
    functions.functions.update_function_configuration(FunctionName=name, **settings)
    functions.wait_until_settled(name)


def test_a_function_that_failed_at_its_creation_can_be_mended(functions: "Cloud") -> None:
    """It cannot be invoked until an update of its configuration makes it Active."""
    name = functions.create(ECHO, Runtime="nodejs22.x")
    assert described(functions, name) == ("Failed", "Failed")
    with pytest.raises(ClientError, match=r"ResourceConflictException.*Failed"):
        functions.invoke(name)
    configure(functions, name, Timeout=4)
    assert described(functions, name) == ("Failed", "Failed")
    configure(functions, name, Runtime="python3.13")
    assert described(functions, name) == ("Active", "Successful")
    assert functions.invoke(name, 1).payload == 1


def test_new_code_for_a_failed_function_is_tried(functions: "Cloud") -> None:
    """UpdateFunctionCode is accepted; what made the function fail is still the reason, and mending it runs the new code."""
    name = functions.create(ECHO, Runtime="nodejs22.x")
    functions.update(name, "def handler(event, context): return 'new'")
    assert described(functions, name) == ("Failed", "Failed")
    configure(functions, name, Runtime="python3.13")
    assert functions.invoke(name).payload == "new"


def test_a_function_whose_update_failed_goes_on_as_before(functions: "Cloud") -> None:
    """It stays Active with its old version, LastUpdateStatus has the reason, and the next update succeeds."""
    name = functions.create(ECHO)
    configure(functions, name, Runtime="nodejs22.x")
    assert described(functions, name) == ("Active", "Failed")
    reason = functions.functions.get_function_configuration(FunctionName=name)["LastUpdateStatusReason"]
    assert "only python3.13" in reason
    assert functions.invoke(name, 1).payload == 1
    configure(functions, name, Runtime="python3.13")
    assert described(functions, name) == ("Active", "Successful")


def test_a_version_of_a_failed_function_fails_and_an_alias_can_move_on(functions: "Cloud") -> None:
    """A version that was published of it is Failed for good; one published after the mending runs, by its alias too."""
    name = functions.create(ECHO, Runtime="nodejs22.x", Publish=True)
    client = functions.functions
    client.create_alias(FunctionName=name, Name="live", FunctionVersion="1")
    with pytest.raises(ClientError, match="ResourceConflictException"):
        functions.invoke(name, Qualifier="live")
    configure(functions, name, Runtime="python3.13")
    second = client.publish_version(FunctionName=name)["Version"]
    client.update_alias(FunctionName=name, Name="live", FunctionVersion=second)
    assert functions.invoke(name, 1, Qualifier="live").payload == 1
    assert described(functions, name, Qualifier="1")[0] == "Failed"
    client.delete_function(FunctionName=name, Qualifier="1")
    assert functions.invoke(name, 1, Qualifier="live").payload == 1
