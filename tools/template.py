"""The template as tests read it: as it is written, and as SAM expands it."""

import functools
import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]  # it has no types

from millrace_local.instance import REGION, ROOT, environment

type Resource = dict[str, Any]


@dataclass(frozen=True)
class Function:
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
    def routes(self) -> list[tuple[str, str]]:
        return [(each["Method"].upper(), each["Path"]) for each in self._events("Api")]

    @property
    def topics(self) -> list[str]:
        return [topic for each in self._events("MSK") for topic in each["Topics"]]

    @property
    def trigger(self) -> dict[str, Any]:
        """The properties of its Kafka event."""
        return self._events("MSK")[0]

    @property
    def schedules(self) -> list[str]:
        return [each["Schedule"] for each in self._events("Schedule")]

    def _events(self, kind: str) -> list[dict[str, Any]]:
        return [each["Properties"] for each in self.properties.get("Events", {}).values() if each["Type"] == kind]


def written() -> dict[str, Any]:
    """template.yaml, with CloudFormation's short forms (!Ref) in their long ones."""
    template: dict[str, Any] = _plain(load(str(ROOT / "template.yaml")))
    return template


@functools.cache
def expanded() -> dict[str, Resource]:
    """The resources that CloudFormation gets."""
    command = [environment("sam") / "bin" / "python", ROOT / "tools" / "expand_template.py"]
    variables = os.environ | {"AWS_DEFAULT_REGION": REGION}
    ran = subprocess.run(  # noqa: S603 - our own command line
        command, input=json.dumps(written()), env=variables, capture_output=True, text=True, check=False
    )
    if ran.returncode != 0:
        raise RuntimeError(ran.stderr)
    resources: dict[str, Resource] = json.loads(ran.stdout)["Resources"]
    return resources


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


FUNCTIONS = [
    Function(name, resource["Properties"], resource["Metadata"])
    for name, resource in written()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::Function"
]
