"""Functions, topics and mappings of a test's own on a real LocalStack and a real Kafka."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from millrace_local.instance import Instance
from millrace_local.mappings import reading, sentences
from millrace_local.mappings.place import Place
from millrace_local.mappings.sentences import Explanation
from tests.kit import topics
from tests.kit.servers import OFTEN, wait_until
from tests.local_cloud.lambda_runtime.conftest import Cloud
from tests.local_cloud.status.records import write
from tests.local_cloud.test_run import AWS, function

NETWORK = [
    {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"},
    {"Type": "VPC_SECURITY_GROUP", "URI": "security_group:sg-1"},
]
RAISES = "def handler(event, context): raise KeyError('no such post')"
WELL = "def handler(event, context): return {'batchItemFailures': []}"


@dataclasses.dataclass(frozen=True)
class Mapped:
    """A mapping of the tests: its topic, its function and what the command says of it."""

    uuid: str
    topic: str
    function: str
    place: Place
    kafka: str

    @property
    def group(self) -> str:
        return f"group-{self.topic}"

    def explain(self) -> Explanation:
        [found] = reading.select(reading.read(self.place), self.uuid, self.place)
        return sentences.explain(found, self.place)

    def explained_as(self, cause: str, *words: str) -> Explanation:
        """Return the explanation once it has this cause, and *words* in its sentence."""
        last: list[Explanation] = []

        def is_told() -> bool:
            last[:] = [self.explain()]
            return last[0].cause == cause and all(word in last[0].sentence for word in words)

        try:
            wait_until(is_told, seconds=60)
        except AssertionError as error:
            raise AssertionError(f"{cause} with {words} was expected, and told was: {last}") from error
        return last[0]

    def write(self, count: int, value: bytes = b"value") -> None:
        write(self.kafka, self.topic, count, value)


class Lab:
    def __init__(self, localstack: Instance, kafka: str, home: Path) -> None:
        self.cloud = Cloud(localstack)
        self.kafka = kafka
        # The tests' own folder: what commands keep must not meet.
        self.place = Place(Instance(home, localstack.ports))
        self._made: list[str] = []

    @property
    def functions(self) -> Any:  # noqa: ANN401 - a boto3 client
        return self.cloud.functions

    def map(
        self,
        source: str = WELL,
        *,
        topic: str | None = None,
        bootstrap: str | None = None,
        partitions: int = 1,
        **more: object,
    ) -> Mapped:
        """Create a function and a mapping of it."""
        name = self.cloud.create(source, Timeout=5)
        if topic is None:
            topic = topics.create(self.kafka, partitions=partitions)
        settings: dict[str, object] = {"MaximumBatchingWindowInSeconds": 0}
        created = self.functions.create_event_source_mapping(
            FunctionName=name,
            Topics=[topic],
            StartingPosition="TRIM_HORIZON",
            SelfManagedEventSource={"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [bootstrap or self.kafka]}},
            SelfManagedKafkaEventSourceConfig={"ConsumerGroupId": f"group-{topic}"},
            SourceAccessConfigurations=NETWORK,
            **(settings | more),
        )
        self._made.append(created["UUID"])
        return Mapped(created["UUID"], topic, name, self.place, bootstrap or self.kafka)

    def clean(self) -> None:
        for uuid in self._made:
            self.functions.delete_event_source_mapping(UUID=uuid)


@pytest.fixture
def lab(localstack: Instance, kafka: str, tmp_path: Path) -> Iterator[Lab]:
    made = Lab(localstack, kafka, tmp_path)
    yield made
    made.clean()


def random_topic() -> str:
    """Return the name of a topic that does not exist."""
    return f"test-{uuid4().hex[:12]}"


def pattern(**fields: object) -> dict[str, Any]:
    """Return FilterCriteria that let through records whose value has these fields."""
    return {"Filters": [{"Pattern": json.dumps({"value": {name: [each] for name, each in fields.items()}})}]}


@pytest.fixture
def here(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands in this process find the test's LocalStack, as the local cloud and as AWS."""
    for name, value in (lab.place.instance.as_environment() | AWS).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", lab.place.instance.localstack_url)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def staged(lab: Lab) -> Iterator[tuple[str, str, str]]:
    """Yield a stage with one function, its mapping's UUID and its topic, which are reached as on AWS."""
    stage, topic = f"s{uuid4().hex[:8]}", topics.create(lab.kafka)
    stack, cloudformation = f"millrace-{stage}", lab.cloud.client("cloudformation")
    source = {
        "Endpoints": {"KafkaBootstrapServers": [lab.kafka]},
    }
    template = {
        "Resources": {
            "NotesOnUserEvents": function(RAISES),
            "Mapping": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "FunctionName": {"Ref": "NotesOnUserEvents"},
                    "Topics": [topic],
                    "StartingPosition": "TRIM_HORIZON",
                    "SelfManagedEventSource": source,
                    "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": f"group-{topic}"},
                    "SourceAccessConfigurations": NETWORK,
                },
            },
        }
    }
    cloudformation.create_stack(StackName=stack, TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=stack, WaiterConfig=OFTEN)
    resources = cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    uuid = next(each["PhysicalResourceId"] for each in resources if each["LogicalResourceId"] == "Mapping")
    yield stage, uuid, topic
    cloudformation.delete_stack(StackName=stack)
