"""Mappings through a real LocalStack and botocore, with functions as processes (sections 10 and 11)."""

import dataclasses
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from millrace_local.instance import ACCOUNT, REGION, TOOLS, Instance
from millrace_local.servers.localstack import LocalStack
from tests.kit.servers import OFTEN, running, wait_until
from tests.local_cloud.kafka_trigger.cloudwatch import events, kinds, total
from tests.local_cloud.kafka_trigger.conftest import Services, Topic
from tests.local_cloud.kafka_trigger.queues import Queue

Client = Any  # boto3 makes its clients at run time: they have no types
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"
# The function appends what it is given to a file, and does what a second file says.
CODE = """
import json, os, pathlib, time
folder = pathlib.Path(os.environ["FOLDER"])

def handler(event, context):
    with (folder / "events").open("a") as events:
        events.write(json.dumps(event) + "\\n")
    order = folder / "order"
    while order.exists() and order.read_text() == "block":
        time.sleep(0.02)
    if order.exists() and order.read_text() == "fail":
        raise ValueError("told to fail")
    return {"batchItemFailures": []}
"""


class DeployedFunction:
    """A Lambda function on LocalStack, with the events that it got."""

    def __init__(self, client: Client, folder: Path) -> None:
        self.name = f"function-{uuid4().hex[:8]}"
        self._folder = folder
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as code:
            code.writestr("app.py", CODE)
        client.create_function(
            FunctionName=self.name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=ROLE,
            Timeout=30,
            Code={"ZipFile": archive.getvalue()},
            Environment={"Variables": {"FOLDER": str(folder)}},
        )
        client.get_waiter("function_active_v2").wait(FunctionName=self.name, WaiterConfig=OFTEN)

    def order(self, what: str) -> None:
        (self._folder / "order").write_text(what)

    @property
    def events(self) -> list[dict[str, Any]]:
        events = self._folder / "events"
        return [json.loads(line) for line in events.read_text().splitlines()] if events.exists() else []

    def offsets(self, label: str) -> list[int]:
        return [record["offset"] for event in self.events for record in event["records"].get(label, [])]


@pytest.fixture
def client(localstack: Instance) -> Callable[[str], Client]:
    def make(service: str) -> Client:
        keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        return boto3.client(service, endpoint_url=localstack.localstack_url, region_name=REGION, **keys)

    return make


NETWORK = [
    {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"},
    {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"},
]
PROVISIONED = {"MinimumPollers": 1}


@pytest.fixture
def lambda_api(client: Callable[[str], Client]) -> Iterator[Client]:
    """Return a client of the Lambda API. Mappings and the test's own functions are deleted after the test."""
    api = client("lambda")
    others = _functions(api)
    yield api
    for mapping in api.list_event_source_mappings()["EventSourceMappings"]:
        api.delete_event_source_mapping(UUID=mapping["UUID"])
    wait_until(lambda: not api.list_event_source_mappings()["EventSourceMappings"], seconds=20)
    for name in _functions(api) - others:
        api.delete_function(FunctionName=name)


def _functions(api: Client) -> set[str]:
    """Return the names of all functions, those of other tests on this LocalStack too."""
    pages = api.get_paginator("list_functions").paginate()
    return {function["FunctionName"] for page in pages for function in page["Functions"]}


@pytest.fixture
def cluster(client: Callable[[str], Client]) -> str:
    """Return the ARN of an MSK cluster."""
    created = client("kafka").create_cluster_v2(ClusterName=f"c-{uuid4().hex[:8]}", Serverless={"VpcConfigs": []})
    return str(created["ClusterArn"])


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder that functions write to. They see a /tmp of their own, without pytest's folders."""
    TOOLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=TOOLS) as name:
        yield Path(name)


@pytest.fixture
def function(lambda_api: Client, folder: Path) -> DeployedFunction:
    return DeployedFunction(lambda_api, folder)


def enabled(lambda_api: Client, uuid: str) -> Callable[[], bool]:
    return lambda: lambda_api.get_event_source_mapping(UUID=uuid)["State"] == "Enabled"


def create(lambda_api: Client, function: DeployedFunction, **parameters: object) -> dict[str, Any]:
    """Create a mapping that starts at the beginning, and wait until it is enabled."""
    defaults = {"FunctionName": function.name, "StartingPosition": "TRIM_HORIZON", "MaximumBatchingWindowInSeconds": 0}
    mapping: dict[str, Any] = lambda_api.create_event_source_mapping(**(defaults | parameters))
    wait_until(enabled(lambda_api, mapping["UUID"]))
    return mapping


def test_l3_a_mapping_of_msk_is_created_read_and_listed_in_the_shapes_of_aws(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Create answers 202 and Creating with the defaults, and Enabled follows soon."""
    mapping = lambda_api.create_event_source_mapping(
        FunctionName=function.name, EventSourceArn=cluster, Topics=[topic.name], StartingPosition="LATEST"
    )
    assert mapping["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert mapping["State"] == "Creating"
    assert mapping["BatchSize"] == 100
    assert mapping["MaximumRetryAttempts"] == -1
    assert "MaximumBatchingWindowInSeconds" not in mapping
    assert mapping["LastProcessingResult"] == "No records processed"
    assert mapping["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": mapping["UUID"]}
    assert mapping["Topics"] == [topic.name]
    wait_until(enabled(lambda_api, mapping["UUID"]))
    (listed,) = lambda_api.list_event_source_mappings(FunctionName=function.name)["EventSourceMappings"]
    assert (listed["UUID"], listed["State"]) == (mapping["UUID"], "Enabled")
    wait_until(lambda: lambda_api.get_event_source_mapping(UUID=mapping["UUID"])["LastProcessingResult"] == "OK")


def test_p1_to_p10_the_function_process_gets_the_event(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """From the broker through the mapping into the handler."""
    create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])
    topic.write(3, key=b"k", headers=[("h", b"\xff")])
    wait_until(lambda: function.offsets(topic.label()) == [0, 1, 2])
    event = function.events[0]
    assert (event["eventSource"], event["eventSourceArn"]) == ("aws:kafka", cluster)
    assert event["records"][topic.label()][0]["headers"] == [{"h": [-1]}]


def test_p2_a_self_managed_source_works_without_an_arn(
    lambda_api: Client, function: DeployedFunction, topic: Topic
) -> None:
    """SelfManagedEventSource with its brokers; V3 wants SourceAccessConfigurations."""
    source = {"SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [topic.bootstrap]}}}
    with pytest.raises(ClientError, match="Required 'sourceAccessConfigurations' parameter is missing"):
        create(lambda_api, function, Topics=[topic.name], **source)
    create(lambda_api, function, Topics=[topic.name], SourceAccessConfigurations=NETWORK, **source)
    topic.write(1)
    wait_until(lambda: function.offsets(topic.label()) == [0])
    assert function.events[0]["eventSource"] == "SelfManagedKafka"


def test_r7_l1_a_raising_function_is_retried_and_its_mapping_says_so(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """LastProcessingResult shows the failure and goes back to OK by itself."""
    mapping = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])

    def result() -> str:
        return str(lambda_api.get_event_source_mapping(UUID=mapping["UUID"])["LastProcessingResult"])

    function.order("fail")
    topic.write(1)
    wait_until(lambda: result() == "PROBLEM: Function call failed")
    function.order("go on")
    wait_until(lambda: result() == "OK")
    assert set(function.offsets(topic.label())) == {0}


def test_c8_a_function_with_reserved_concurrency_0_is_waited_for(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic, localstack: Instance
) -> None:
    """Throttled: no attempt is counted, so that even without retries nothing is dropped."""
    lambda_api.put_function_concurrency(FunctionName=function.name, ReservedConcurrentExecutions=0)
    mapping = create(
        lambda_api,
        function,
        EventSourceArn=cluster,
        Topics=[topic.name],
        MaximumRetryAttempts=0,
        ProvisionedPollerConfig=PROVISIONED,
    )
    topic.write(1)

    def counters() -> dict[str, int]:
        answer = httpx.get(f"{localstack.localstack_url}/_millrace/mappings").json()
        return dict(answer[mapping["UUID"]]["counters"])

    wait_until(lambda: counters()["InvokeErrorCount"] >= 1)
    lambda_api.delete_function_concurrency(FunctionName=function.name)
    wait_until(lambda: counters()["CommittedEventCount"] == 1)
    assert counters()["DroppedEventCount"] == 0


def test_r16_what_a_function_fails_for_good_goes_to_the_queue_of_its_mapping(
    lambda_api: Client, client: Callable[[str], Client], function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Created through the API, with LocalStack's own SQS as its destination."""
    queue = Queue(client("sqs"))
    function.order("fail")
    create(
        lambda_api,
        function,
        EventSourceArn=cluster,
        Topics=[topic.name],
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": queue.arn}},
        ProvisionedPollerConfig={"MinimumPollers": 1},
    )
    topic.write(2)
    (document,) = queue.receive()
    assert document["requestContext"]["functionArn"].endswith(f":function:{function.name}")
    assert document["KafkaBatchInfo"]["eventSourceArn"] == cluster
    assert document["KafkaBatchInfo"]["recordsInfo"][topic.label()]["firstRecordOffset"] == "0"


def test_f1_a_mapping_filters_as_it_was_created(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Only matching records reach the function; a pattern that would have no effect is refused, and so is its update."""
    parameters = {"EventSourceArn": cluster, "Topics": [topic.name]}
    refused = {"Filters": [{"Pattern": '{"key": ["x"]}'}]}
    expected = "Invalid filter pattern definition"
    with pytest.raises(lambda_api.exceptions.InvalidParameterValueException, match=expected):
        create(lambda_api, function, FilterCriteria=refused, **parameters)
    pattern = '{"value": {"kind": [{"prefix": "a"}]}}'
    mapping = create(lambda_api, function, FilterCriteria={"Filters": [{"Pattern": pattern}]}, **parameters)
    with pytest.raises(lambda_api.exceptions.InvalidParameterValueException, match=expected):
        lambda_api.update_event_source_mapping(UUID=mapping["UUID"], FilterCriteria=refused)
    for kind in ("a1", "b", "a2", "c"):
        topic.write(1, value=json.dumps({"kind": kind}).encode())
    wait_until(lambda: topic.committed(mapping["UUID"]) == 4)
    assert function.offsets(topic.label()) == [0, 2]


def test_metrics_and_logs_that_a_mapping_asks_for_are_in_cloudwatch_when_it_is_deleted(
    lambda_api: Client, services: Services, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Created through the API; the events are in the log group that the function's own LoggingConfig names."""
    group = f"/own/{function.name}"
    lambda_api.update_function_configuration(FunctionName=function.name, LoggingConfig={"LogGroup": group})
    lambda_api.get_waiter("function_updated_v2").wait(FunctionName=function.name, WaiterConfig=OFTEN)
    mapping = create(
        lambda_api,
        function,
        EventSourceArn=cluster,
        Topics=[topic.name],
        ProvisionedPollerConfig={"MinimumPollers": 1},
        MetricsConfig={"Metrics": ["EventCount"]},
        LoggingConfig={"SystemLogLevel": "INFO"},
    )
    topic.write(3)
    wait_until(lambda: topic.committed(mapping["UUID"]) == 3)
    lambda_api.delete_event_source_mapping(UUID=mapping["UUID"])
    uuid = mapping["UUID"]
    wait_until(lambda: total(services, "CommittedEventCount", "EventSourceMappingUUID", uuid) == 3)
    wait_until(lambda: "POLLER_STATUS_EVENT" in kinds(events(services, group, uuid)))


def test_an_update_while_running_changes_the_batch_size_and_loses_nothing(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """The new size applies, the group is kept, LastModified moves, nothing is delivered twice."""
    mapping = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name], BatchSize=2)
    topic.write(4)
    wait_until(lambda: function.offsets(topic.label()) == [0, 1, 2, 3])
    updated = lambda_api.update_event_source_mapping(UUID=mapping["UUID"], BatchSize=5)
    assert updated["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert (updated["State"], updated["BatchSize"]) == ("Updating", 5)
    assert updated["LastModified"] > mapping["LastModified"]
    topic.write(5)
    wait_until(enabled(lambda_api, mapping["UUID"]))
    wait_until(lambda: function.offsets(topic.label()) == list(range(9)))
    described = lambda_api.get_event_source_mapping(UUID=mapping["UUID"])
    assert described["AmazonManagedKafkaEventSourceConfig"] == {"ConsumerGroupId": mapping["UUID"]}


def test_l3_disabled_during_an_invocation_it_settles_and_goes_on_when_enabled(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Disabling until the invocation ended, Disabled then; offsets are kept, so nothing is doubled or lost."""
    mapping = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name], BatchSize=1)
    uuid = mapping["UUID"]
    function.order("block")
    topic.write(2)
    wait_until(lambda: function.events)
    assert lambda_api.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    assert lambda_api.get_event_source_mapping(UUID=uuid)["State"] == "Disabling"
    function.order("go on")
    wait_until(lambda: lambda_api.get_event_source_mapping(UUID=uuid)["State"] == "Disabled")
    topic.write(1)
    assert topic.committed(uuid) == 1
    lambda_api.update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_until(lambda: function.offsets(topic.label()) == [0, 1, 2])


def members(topic: Topic, group: str) -> int:
    """Return how many consumers are in a group."""
    return len(topic.admin.describe_consumer_groups([group])[group].result(10).members)


def test_updates_at_the_same_time_leave_one_consumer_which_ends_with_the_mapping(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Whatever is replaced while its successor starts stops: nobody would stop it later."""
    uuid = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])["UUID"]
    for size in range(1, 6):
        changes = [{"BatchSize": size}, {"Enabled": False}, {"BatchSize": 10 * size}, {"Enabled": True}]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda change: lambda_api.update_event_source_mapping(UUID=uuid, **change), changes))
        lambda_api.update_event_source_mapping(UUID=uuid, Enabled=False)
        lambda_api.update_event_source_mapping(UUID=uuid, Enabled=True)
    wait_until(enabled(lambda_api, uuid))
    topic.write(3)
    wait_until(lambda: topic.committed(uuid) == 3)
    wait_until(lambda: members(topic, uuid) == 1)
    lambda_api.delete_event_source_mapping(UUID=uuid)
    wait_until(lambda: not lambda_api.list_event_source_mappings()["EventSourceMappings"])
    wait_until(lambda: members(topic, uuid) == 0)


def test_a_mapping_that_is_enabled_again_is_shown_as_enabling(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """While the invocation of before goes on: Creating is the state of a new mapping alone."""
    uuid = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])["UUID"]
    function.order("block")
    topic.write(1)
    wait_until(lambda: function.events)
    assert lambda_api.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Updating"
    assert lambda_api.update_event_source_mapping(UUID=uuid, Enabled=False)["State"] == "Disabling"
    assert lambda_api.update_event_source_mapping(UUID=uuid, Enabled=True)["State"] == "Enabling"
    assert lambda_api.get_event_source_mapping(UUID=uuid)["State"] == "Enabling"
    function.order("go on")
    wait_until(enabled(lambda_api, uuid))


@pytest.mark.parametrize("state", ["Enabled", "Disabled"])
def test_a_deleted_mapping_is_gone_even_if_it_was_disabled(
    state: str, lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Deleting answers 202 and Deleting; the same function, source and topic can then be mapped again."""
    mapping = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])
    if state == "Disabled":
        lambda_api.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
        wait_until(lambda: lambda_api.get_event_source_mapping(UUID=mapping["UUID"])["State"] == "Disabled")
    deleted = lambda_api.delete_event_source_mapping(UUID=mapping["UUID"])
    assert (deleted["State"], deleted["ResponseMetadata"]["HTTPStatusCode"]) == ("Deleting", 202)
    wait_until(lambda: not lambda_api.list_event_source_mappings()["EventSourceMappings"])
    create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])


def test_a_deleted_mapping_is_shown_as_deleting_until_its_invocation_has_ended(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """By Get as by List; it can be neither changed nor deleted again, and its source is still taken."""
    uuid = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])["UUID"]
    function.order("block")
    topic.write(1)
    wait_until(lambda: function.events)
    lambda_api.delete_event_source_mapping(UUID=uuid)
    (listed,) = lambda_api.list_event_source_mappings()["EventSourceMappings"]
    assert (lambda_api.get_event_source_mapping(UUID=uuid)["State"], listed["State"]) == ("Deleting", "Deleting")
    with pytest.raises(lambda_api.exceptions.ResourceInUseException):
        lambda_api.update_event_source_mapping(UUID=uuid, BatchSize=5)
    with pytest.raises(lambda_api.exceptions.ResourceInUseException):
        lambda_api.delete_event_source_mapping(UUID=uuid)
    with pytest.raises(lambda_api.exceptions.ResourceConflictException):
        create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])
    function.order("go on")
    wait_until(lambda: not lambda_api.list_event_source_mappings()["EventSourceMappings"])
    with pytest.raises(lambda_api.exceptions.ResourceNotFoundException):
        lambda_api.get_event_source_mapping(UUID=uuid)
    assert topic.committed(uuid) == 1


def test_g7_a_second_mapping_of_a_group_is_a_conflict(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic, folder: Path
) -> None:
    """409, also for another function; nothing is made."""
    group = {"AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": f"group-{topic.name}"}}
    mapping = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name], **group)
    other = DeployedFunction(lambda_api, folder)
    with pytest.raises(lambda_api.exceptions.ResourceConflictException) as error:
        create(lambda_api, other, EventSourceArn=cluster, Topics=[topic.name], **group)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    assert f'consumerGroupId ("group-{topic.name}") already exists' in str(error.value)
    assert mapping["UUID"] in str(error.value)
    assert len(lambda_api.list_event_source_mappings()["EventSourceMappings"]) == 1


def test_v2_the_same_mapping_twice_is_a_conflict(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Same function, source and topic."""
    create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])
    with pytest.raises(lambda_api.exceptions.ResourceConflictException):
        create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])


def test_v4_a_refused_parameter_is_named_by_the_api_and_nothing_is_made(
    lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """InvalidParameterValueException at create and at update, with the mapping left as it was."""
    with pytest.raises(lambda_api.exceptions.InvalidParameterValueException, match="must not be the source topic"):
        create(
            lambda_api,
            function,
            EventSourceArn=cluster,
            Topics=[topic.name],
            DestinationConfig={"OnFailure": {"Destination": f"kafka://{topic.name}"}},
        )
    assert not lambda_api.list_event_source_mappings()["EventSourceMappings"]
    mapping = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])
    with pytest.raises(lambda_api.exceptions.InvalidParameterValueException, match="consumerGroupId"):
        lambda_api.update_event_source_mapping(
            UUID=mapping["UUID"], AmazonManagedKafkaEventSourceConfig={"ConsumerGroupId": "other"}
        )
    assert enabled(lambda_api, mapping["UUID"])()


def post_mapping(instance: Instance, body: dict[str, Any]) -> httpx.Response:
    """Create a mapping by the API itself, with members that botocore would not send."""
    signature = (
        f"AWS4-HMAC-SHA256 Credential=test/20260101/{REGION}/lambda/aws4_request, SignedHeaders=host, Signature=0"
    )
    url = f"{instance.localstack_url}/2015-03-31/event-source-mappings/"
    return httpx.post(url, json=body, headers={"Authorization": signature})


QUEUE_MODE = {"SelfManagedKafkaEventSourceConfig": {"ConsumptionMode": "Queue"}}


def self_managed(function: DeployedFunction, topic: Topic, **parameters: object) -> dict[str, Any]:
    endpoints = {"KAFKA_BOOTSTRAP_SERVERS": [topic.bootstrap]}
    source = {"SelfManagedEventSource": {"Endpoints": endpoints}, "SourceAccessConfigurations": NETWORK}
    common = {"FunctionName": function.name, "StartingPosition": "TRIM_HORIZON", "Topics": [topic.name]}
    return common | source | parameters


@pytest.mark.parametrize("member", [QUEUE_MODE, {"BatchWindow": 1}])
def test_a_member_that_the_api_model_lacks_is_refused_and_not_dropped(
    member: dict[str, Any], lambda_api: Client, function: DeployedFunction, topic: Topic, localstack: Instance
) -> None:
    """Queue mode is newer than LocalStack's model, which would ignore it (M2)."""
    answer = post_mapping(localstack, self_managed(function, topic, **member))
    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidParameterValueException"
    assert "MILLRACE_TRIGGER_LENIENT=1" in answer.text
    assert not lambda_api.list_event_source_mappings()["EventSourceMappings"]


@pytest.mark.parametrize(
    "refused",
    [
        {"KMSKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/k"},
        {"ScalingConfig": {"MaximumConcurrency": 2}},
        {"SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:r:1:secret:s"}]},
        {"ProvisionedPollerConfig": {"MinimumPollers": 3, "MaximumPollers": 2}},
        {"FunctionResponseTypes": ["Nope"]},
    ],
)
def test_what_is_refused_at_creation_is_refused_at_an_update(
    refused: dict[str, Any], lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """The mapping is left as it was."""
    source: dict[str, Any] = {"EventSourceArn": cluster, "Topics": [topic.name]}
    with pytest.raises(lambda_api.exceptions.InvalidParameterValueException):
        create(lambda_api, function, **source, **refused)
    mapping = create(lambda_api, function, **source)
    with pytest.raises(lambda_api.exceptions.InvalidParameterValueException):
        lambda_api.update_event_source_mapping(UUID=mapping["UUID"], **refused)
    described = lambda_api.get_event_source_mapping(UUID=mapping["UUID"])
    assert described["State"] == "Enabled"
    assert not refused.keys() & {name for name, value in described.items() if value}


def test_lenient_mode_accepts_with_a_warning_that_is_shown(
    instance: Instance, own_instance: Instance, topic: Topic, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a LocalStack of its own; what the API model lacks is shown as well."""
    monkeypatch.setenv("MILLRACE_TRIGGER_LENIENT", "1")
    own = dataclasses.replace(own_instance, ports=own_instance.ports | {"kafka": instance.ports["kafka"]})
    with running(LocalStack(), own):
        api = boto3.client(
            "lambda",
            endpoint_url=own.localstack_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        function = DeployedFunction(api, folder)
        secured = [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:r:1:secret:s"}]
        body = self_managed(function, topic, SourceAccessConfigurations=secured, **QUEUE_MODE)
        assert post_mapping(own, body).status_code == 202
        topic.write(1)
        wait_until(lambda: function.offsets(topic.label()) == [0])
        (shown,) = httpx.get(f"{own.localstack_url}/_millrace/mappings").json().values()
    access, mode = shown["warnings"]
    assert "BASIC_AUTH" in access
    assert "ConsumptionMode" in mode


def test_v1_an_unknown_function_is_not_found(lambda_api: Client, cluster: str, topic: Topic) -> None:
    """ResourceNotFoundException, before anything is made."""
    with pytest.raises(lambda_api.exceptions.ResourceNotFoundException):
        lambda_api.create_event_source_mapping(
            FunctionName="nobody", EventSourceArn=cluster, Topics=[topic.name], StartingPosition="LATEST"
        )


@pytest.mark.parametrize("qualifier", ["nobody", "7"])
def test_v1_an_unknown_alias_or_version_is_not_found(
    qualifier: str, lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """At creation and at an update; LocalStack answers with an error of its own."""
    source: dict[str, Any] = {"EventSourceArn": cluster, "Topics": [topic.name], "StartingPosition": "LATEST"}
    unknown = f"{function.name}:{qualifier}"
    with pytest.raises(lambda_api.exceptions.ResourceNotFoundException, match=unknown):
        lambda_api.create_event_source_mapping(FunctionName=unknown, **source)
    uuid = create(lambda_api, function, **source)["UUID"]
    with pytest.raises(lambda_api.exceptions.ResourceNotFoundException, match=unknown):
        lambda_api.update_event_source_mapping(UUID=uuid, FunctionName=unknown)


def test_a_mapping_of_another_region_is_not_found(
    lambda_api: Client, services: Services, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """Neither changed nor deleted from there."""
    uuid = create(lambda_api, function, EventSourceArn=cluster, Topics=[topic.name])["UUID"]
    elsewhere = services("lambda", region="eu-west-1")
    for ask in (
        elsewhere.get_event_source_mapping,
        elsewhere.update_event_source_mapping,
        elsewhere.delete_event_source_mapping,
    ):
        with pytest.raises(elsewhere.exceptions.ResourceNotFoundException):
            ask(UUID=uuid)
    assert enabled(lambda_api, uuid)()


def test_mappings_of_cloudformation_keep_what_the_template_says(
    client: Callable[[str], Client], lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """MSK with the provisioned parameters, and self-managed with CloudFormation's own spelling of the brokers' key."""
    common: dict[str, object] = {"FunctionName": function.name, "StartingPosition": "TRIM_HORIZON"}
    managed: dict[str, object] = {
        "EventSourceArn": cluster,
        "Topics": [topic.name],
        "AmazonManagedKafkaEventSourceConfig": {"ConsumerGroupId": f"group-{topic.name}"},
        "DestinationConfig": {"OnFailure": {"Destination": "kafka://somewhere-else"}},
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        "ProvisionedPollerConfig": {"MinimumPollers": 1, "MaximumPollers": 2},
    }
    own: dict[str, object] = {
        "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": [topic.bootstrap]}},
        "SourceAccessConfigurations": NETWORK,
        "Topics": [topic.name],
    }
    resources = {
        name: {"Type": "AWS::Lambda::EventSourceMapping", "Properties": common | properties}
        for name, properties in {"Managed": managed, "Own": own}.items()
    }
    cloudformation, stack = client("cloudformation"), f"stack-{uuid4().hex[:8]}"
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps({"Resources": resources}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    topic.write(1)
    wait_until(lambda: sorted(event["eventSource"] for event in function.events) == ["SelfManagedKafka", "aws:kafka"])
    (mapping,) = lambda_api.list_event_source_mappings(EventSourceArn=cluster)["EventSourceMappings"]
    assert {name: mapping[name] for name in managed} == managed
    cloudformation.delete_stack(StackName=stack)
    wait_until(lambda: not lambda_api.list_event_source_mappings()["EventSourceMappings"], seconds=20)


def test_an_update_by_cloudformation_reaches_every_parameter_and_resets_what_was_removed(
    client: Callable[[str], Client], lambda_api: Client, function: DeployedFunction, cluster: str, topic: Topic
) -> None:
    """LocalStack's own provider leaves out pollers, metrics and log level, and keeps what a template no longer says."""
    properties: dict[str, object] = {
        "FunctionName": function.name,
        "StartingPosition": "TRIM_HORIZON",
        "EventSourceArn": cluster,
        "Topics": [topic.name],
        "BatchSize": {"Ref": "Size"},
    }
    cloudformation, stack = client("cloudformation"), f"stack-{uuid4().hex[:8]}"

    def template(**changed: object) -> dict[str, str]:
        resource = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": properties | changed}
        size = {"Type": "Number", "Default": 7}
        return {"TemplateBody": json.dumps({"Parameters": {"Size": size}, "Resources": {"Mapping": resource}})}

    def mapping() -> dict[str, Any]:
        (only,) = lambda_api.list_event_source_mappings()["EventSourceMappings"]
        return dict(only)

    def update(**changed: object) -> dict[str, Any]:
        cloudformation.update_stack(StackName=stack, **template(**changed))
        cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig=OFTEN)
        return mapping()

    provisioned = {"ProvisionedPollerConfig": {"MaximumPollers": 2}, "LoggingConfig": {"SystemLogLevel": "INFO"}}
    cloudformation.create_stack(StackName=stack, **template(MaximumRetryAttempts=3, **provisioned))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    created = mapping()
    assert (created["BatchSize"], created["MaximumRetryAttempts"]) == (7, 3)
    more = {"ProvisionedPollerConfig": {"MaximumPollers": 4}, "MetricsConfig": {"Metrics": ["EventCount"]}}
    updated = update(**more)
    assert updated["UUID"] == created["UUID"]
    assert {name: updated[name] for name in more} == more
    assert (updated["MaximumRetryAttempts"], updated.get("LoggingConfig") or {}) == (-1, {})
    other = Topic(topic.bootstrap)
    replaced = update(Topics=[other.name])
    assert (replaced["Topics"], replaced["UUID"] != created["UUID"]) == ([other.name], True)
    cloudformation.delete_stack(StackName=stack)
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    assert not lambda_api.list_event_source_mappings()["EventSourceMappings"]


def test_a_template_is_refused_what_the_api_would_never_hear_of(
    client: Callable[[str], Client], lambda_api: Client, function: DeployedFunction, topic: Topic
) -> None:
    """CloudFormation's client drops what its API model lacks, at creation and at an update."""
    own = {
        "FunctionName": function.name,
        "StartingPosition": "TRIM_HORIZON",
        "SelfManagedEventSource": {"Endpoints": {"KafkaBootstrapServers": [topic.bootstrap]}},
        "SourceAccessConfigurations": NETWORK,
        "Topics": [topic.name],
    }
    cloudformation = client("cloudformation")

    def template(**more: object) -> str:
        resource = {"Type": "AWS::Lambda::EventSourceMapping", "Properties": own | more}
        return json.dumps({"Resources": {"Mapping": resource}})

    def outcome(stack: str, states: set[str]) -> str:
        """Return what the stack's events say of the mapping when the stack is in one of *states*."""
        wait_until(lambda: cloudformation.describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"] in states)
        found = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return " ".join(each.get("ResourceStatusReason") or "" for each in found)

    refused = f"stack-{uuid4().hex[:8]}"
    cloudformation.create_stack(StackName=refused, TemplateBody=template(**QUEUE_MODE))
    failed = {"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
    assert "selfManagedKafkaEventSourceConfig.ConsumptionMode" in outcome(refused, failed)
    assert not lambda_api.list_event_source_mappings()["EventSourceMappings"]

    stack = f"stack-{uuid4().hex[:8]}"
    cloudformation.create_stack(StackName=stack, TemplateBody=template())
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    ended = {"UPDATE_FAILED", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"}
    for more, named in (
        ({"ScalingConfig": {"MaximumConcurrency": 2}}, "scalingConfig"),
        ({"BatchWindow": 1}, "batchWindow"),
    ):
        cloudformation.update_stack(StackName=stack, TemplateBody=template(**more))
        assert named in outcome(stack, ended)
    cloudformation.update_stack(StackName=stack, TemplateBody=template(Tags=[{"Key": "team", "Value": "a"}]))
    cloudformation.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    (mapping,) = lambda_api.list_event_source_mappings()["EventSourceMappings"]
    assert lambda_api.list_tags(Resource=mapping["EventSourceMappingArn"])["Tags"]["team"] == "a"
    cloudformation.delete_stack(StackName=stack)
    wait_until(lambda: not lambda_api.list_event_source_mappings()["EventSourceMappings"], seconds=20)
