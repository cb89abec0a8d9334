"""Read template.yaml: as it is written, and as SAM expands it for CloudFormation."""

import functools
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]  # it has no types

from millrace_local.instance import REGION, ROOT, environment

TEMPLATE = ROOT / "template.yaml"
TOPICS = ROOT / "infra" / "topics.yaml"

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
    template: dict[str, Any] = _plain(load(str(path)))
    return template


@functools.cache
def expanded(path: Path = TEMPLATE) -> dict[str, Resource]:
    """Return the resources that CloudFormation gets. Raises RuntimeError with SAM's message if SAM refuses."""
    command = [environment("sam") / "bin" / "python", ROOT / "tools" / "expand_template.py"]
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


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


FUNCTIONS = [
    Function(name, resource["Properties"], resource["Metadata"])
    for name, resource in written()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
]
