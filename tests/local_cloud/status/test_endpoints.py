"""`/_millrace/v1/functions` and `/_millrace/v1/mappings` of LocalStack's port, decoded as clients do."""

from http import HTTPStatus
from uuid import uuid4

import httpx
import msgspec
import pytest

from millrace_local.instance import ACCOUNT, Instance
from millrace_plugin.status.structures import Function, Functions, Mapping, Mappings
from tests.kit import topics
from tests.kit.servers import wait_until
from tests.local_cloud.cloudformation import templates
from tests.local_cloud.cloudformation.conftest import stack
from tests.local_cloud.cloudformation.stacks import Stack
from tests.local_cloud.status.records import write

__all__ = ["stack"]  # a fixture
NETWORK = [
    {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"},
    {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"},
]


def ask(instance: Instance, path: str) -> httpx.Response:
    return httpx.get(f"{instance.localstack_url}/_millrace/v1/{path}", timeout=60)


def functions(stack: Stack) -> Functions:
    return msgspec.json.decode(ask(stack.instance, f"functions?stack={stack.name}").content, type=Functions)


def function(stack: Stack) -> Function:
    [found] = functions(stack).functions
    return found


def mapping(instance: Instance, uuid: str) -> Mapping:
    found = msgspec.json.decode(ask(instance, "mappings?timeout=30").content, type=Mappings)
    return next(each for each in found.mappings if each.uuid == uuid)


def create_mapping(stack: Stack, name: str, bootstrap: str, topic: str, **more: object) -> str:
    created = stack.client("lambda").create_event_source_mapping(
        FunctionName=name,
        Topics=[topic],
        StartingPosition="TRIM_HORIZON",
        SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [bootstrap]}},
        SelfManagedKafkaEventSourceConfig={"ConsumerGroupId": f"group-{topic}"},
        SourceAccessConfigurations=NETWORK,
        **more,
    )
    return str(created["UUID"])


@pytest.fixture
def deployed(stack: Stack) -> str:
    """The name of the function that *stack* has."""
    assert stack.deploy(templates.with_function(templates.returning("ok"))) == "CREATE_COMPLETE"
    return stack.physical_ids()["Function"]


def test_a_function_shows_its_state_and_its_running_environments(stack: Stack, deployed: str) -> None:
    """Under its logical id, with the package of its handler as its domain."""
    found = functions(stack)
    assert found.stack == "CREATE_COMPLETE"
    before = function(stack)
    assert (before.name, before.domain, before.state, before.environments) == ("Function", "index", "Active", 0)
    assert (before.problem, before.reason) == (None, None)
    assert before.last_modified is not None

    stack.client("lambda").invoke(FunctionName=deployed)

    assert function(stack).environments == 1


def test_a_function_that_is_gone_is_missing(stack: Stack, deployed: str) -> None:
    """The stack names it, and its domain is known from the template."""
    stack.client("lambda").delete_function(FunctionName=deployed)

    gone = function(stack)

    assert (gone.name, gone.domain, gone.state) == ("Function", "index", "missing")
    assert "./millrace up" in str(gone.problem)


def test_a_stack_that_does_not_exist_has_no_status(localstack: Instance) -> None:
    """None is not a stack without functions."""
    found = msgspec.json.decode(ask(localstack, f"functions?stack={uuid4()}").content, type=Functions)

    assert found == Functions(stack=None, functions=())


def test_a_mapping_shows_what_the_trigger_knows(stack: Stack, deployed: str, kafka: str) -> None:
    """State, reason, counters, and the lag of each partition."""
    topic = topics.create(kafka, partitions=2)
    write(kafka, topic, 3)
    uuid = create_mapping(stack, deployed, kafka, topic)

    def has_committed() -> bool:
        found = mapping(stack.instance, uuid)
        return (found.state, found.last_result, found.lag) == ("Enabled", "OK", 0)

    wait_until(has_committed, seconds=60, what="the records to be committed")
    found = mapping(stack.instance, uuid)

    assert (found.topic, found.group, found.state, found.bootstrap) == (topic, f"group-{topic}", "Enabled", kafka)
    assert found.function_arn.endswith(f"{ACCOUNT}:function:{deployed}")
    assert (found.reason, found.last_result, found.problem) == ("User action", "OK", None)
    assert found.counters
    assert found.counters["CommittedEventCount"] == 3
    assert found.partitions
    written, empty = found.partitions
    assert (written.number, written.committed, written.end, written.lag) == (0, 3, 3, 0)
    assert (empty.number, empty.end, empty.lag) == (1, 0, 0)


def test_a_mapping_that_does_not_poll_has_a_lag_and_no_counters(stack: Stack, deployed: str, kafka: str) -> None:
    """What waits for it is counted."""
    topic = topics.create(kafka, partitions=1)
    write(kafka, topic, 2)
    uuid = create_mapping(stack, deployed, kafka, topic, Enabled=False)
    wait_until(lambda: mapping(stack.instance, uuid).state == "Disabled", what="the mapping to be disabled")

    found = mapping(stack.instance, uuid)

    assert (found.lag, found.counters) == (2, None)


def test_brokers_that_do_not_answer_leave_the_lag_unknown(stack: Stack, deployed: str) -> None:
    """The mapping is shown all the same, with the reason."""
    uuid = create_mapping(stack, deployed, "127.0.0.1:9", "topic")

    found = mapping(stack.instance, uuid)

    assert (found.lag, found.partitions) == (None, None)
    assert "The lag is unknown: 127.0.0.1:9" in str(found.problem)


@pytest.mark.parametrize(
    "query", ["functions?stak=a", "mappings?timeout=0", "mappings?timeout=inf", "mappings?limit=1"]
)
def test_a_parameter_without_effect_is_refused(localstack: Instance, query: str) -> None:
    """The answer says what is known."""
    refused = ask(localstack, query)

    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert "timeout" in refused.text or "stack" in refused.text
