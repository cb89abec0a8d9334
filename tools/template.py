"""Read template.yaml: as it is written, and as SAM expands it for CloudFormation."""

import functools
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from millrace_local.instance import REGION, ROOT, environment

TEMPLATE = ROOT / "template.yaml"
TOPICS = ROOT / "infra" / "topics.yaml"
TRANSLATOR = "sam"
"""The environment of SAM's translator."""

type Resource = dict[str, Any]


@dataclass(frozen=True)
class Consumption:
    """The Kafka topic that calls a function, and the names that belong to it."""

    topic: str
    group: str
    dead_letter_topic: str
    mapping: dict[str, Any]
    """The properties of the function's event."""


@dataclass(frozen=True)
class Function:
    """A function of the template, as it is written there."""

    logical_id: str
    properties: dict[str, Any]
    metadata: dict[str, Any]

    def __str__(self) -> str:
        return self.logical_id

    @property
    def module(self) -> str:
        """`domain.module`"""
        module: str = self.properties["Handler"].rpartition(".")[0]
        return module

    @property
    def domain(self) -> str:
        return self.module.partition(".")[0]

    @property
    def variables(self) -> dict[str, Any]:
        """The environment variables that the function does not share with all others."""
        variables: dict[str, Any] = self.properties.get("Environment", {}).get("Variables", {})
        return variables

    @property
    def routes(self) -> list[tuple[str, str]]:
        return [(each["Method"].upper(), each["Path"]) for each in self._events("Api")]

    @property
    def topics(self) -> list[str]:
        return [topic for each in self._events("MSK") for topic in each["Topics"]]

    @property
    def consumption(self) -> Consumption:
        """Raises ValueError if the function has no Kafka event, or more than one."""
        [mapping] = self._events("MSK")
        [topic] = mapping["Topics"]
        destination = mapping["DestinationConfig"]["OnFailure"]["Destination"]
        return Consumption(topic, mapping["ConsumerGroupId"], destination.removeprefix("kafka://"), mapping)

    @property
    def schedules(self) -> list[str]:
        return [each["Schedule"] for each in self._events("Schedule")]

    def _events(self, kind: str) -> list[dict[str, Any]]:
        return [each["Properties"] for each in self.properties.get("Events", {}).values() if each["Type"] == kind]


def written(path: Path = TEMPLATE) -> dict[str, Any]:
    """Return the template with CloudFormation's short forms (!Ref) in their long ones."""
    template: dict[str, Any] = _Loader(path.read_text()).get_single_data()
    return template


@functools.cache
def expanded(path: Path = TEMPLATE) -> dict[str, Resource]:
    """Return the resources that CloudFormation gets. Raises RuntimeError with SAM's message if SAM refuses."""
    command = [environment(TRANSLATOR) / "bin" / "python", ROOT / "tools" / "expand_template.py"]
    variables = os.environ | {"AWS_DEFAULT_REGION": REGION}
    ran = subprocess.run(  # noqa: S603 - our own command line
        command, input=json.dumps(written(path)), env=variables, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr)
    resources: dict[str, Resource] = json.loads(ran.stdout)["Resources"]
    return resources


def topics() -> dict[str, dict[str, Any]]:
    """Return every topic, dead-letter topics included, with its properties."""
    found: dict[str, dict[str, Any]] = yaml.safe_load(TOPICS.read_text())["topics"]
    return found


# cfn-lint reads these too, and takes three seconds to be imported.
class _Loader(yaml.CSafeLoader):
    """YAML as CloudFormation reads it: a date is text, and `!Ref` a function."""


def _long_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    value: Any = None
    match node:
        case yaml.ScalarNode():
            text = loader.construct_scalar(node)
            value = text.split(".", 1) if name == "GetAtt" else text
        case yaml.SequenceNode():
            value = loader.construct_sequence(node, deep=True)
        case yaml.MappingNode():
            value = loader.construct_mapping(node, deep=True)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in each if tag != "tag:yaml.org,2002:timestamp"]
    for first, each in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_multi_constructor("!", _long_form)
FUNCTIONS = [
    Function(name, resource["Properties"], resource["Metadata"])
    for name, resource in written()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
]
