"""Compare what two templates deploy: `python -m tools.compare_templates BEFORE AFTER [--intended ASPECT]`.

SAM expands both. Of every function, the rights, triggers, environment variables, settings, tags and logs are compared,
wherever a template declares them; then everything that belongs to no function. Prints each difference and a count per
aspect. Ends with 1 if an aspect differs that --intended does not name.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.intrinsics import evaluate
from tools.rights import Resources, rights
from tools.template import expanded

ASPECTS = ("function", "rights", "triggers", "variables", "settings", "tags", "log group", "log retention", "others")
_OF_FUNCTIONS = {
    "AWS::Events::Rule",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Role",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
}


@dataclass(frozen=True)
class Difference:
    """A value that only one of the templates has. *subject* is a function, or a resource of none."""

    subject: str
    aspect: str
    side: str
    value: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.aspect}: {self.side} {self.value}"


def compare(before: Resources, after: Resources) -> list[Difference]:
    """Return what differs between two expanded templates."""
    old, new = _effects(before), _effects(after)
    return [
        difference
        for key in sorted(old.keys() | new.keys())
        for difference in _between(key, old.get(key), new.get(key))
    ]


def _between(key: tuple[str, str], old: set[str] | None, new: set[str] | None) -> Iterator[Difference]:
    for value in sorted((old or set()) - (new or set())):
        yield Difference(*key, "-", value)
    for value in sorted((new or set()) - (old or set())):
        yield Difference(*key, "+", value)


def _effects(resources: Resources) -> dict[tuple[str, str], set[str]]:
    """Return everything that is compared, by subject and aspect."""
    effects: dict[tuple[str, str], set[str]] = {}
    for name, resource in resources.items():
        if resource["Type"] == "AWS::Lambda::Function":
            effects |= {(name, aspect): values for aspect, values in _function(resources, name).items()}
        elif resource["Type"] not in _OF_FUNCTIONS:
            # SAM puts a hash of the contents into these IDs, so that the type has to do.
            effects.setdefault((resource["Type"], "others"), set()).add(_text(resource))
    for function, trigger in _triggers(resources):
        effects.setdefault((function, "triggers"), set()).add(trigger)
    return effects


def _function(resources: Resources, name: str) -> dict[str, set[str]]:
    properties = dict(resources[name]["Properties"])
    logging = dict(properties.pop("LoggingConfig", {}))
    group = evaluate(logging.pop("LogGroup", None))
    variables = properties.pop("Environment", {}).get("Variables", {})
    tags = properties.pop("Tags", [])
    del properties["Role"]
    return {
        "function": {name},
        "rights": {" ".join(each).rstrip() for each in rights(resources, name)},
        "variables": set(_pairs(variables)),
        "settings": {*_pairs(properties), *_pairs(logging), *_pairs(_attributes(resources[name]))},
        "tags": {f"{each['Key']}={_text(each['Value'])}" for each in tags},
        "log group": {_text(_log_group(resources, group).get("LogGroupName", group))},
        "log retention": {_text(_log_group(resources, group).get("RetentionInDays"))},
    }


def _log_group(resources: Resources, reference: str | None) -> Mapping[str, Any]:
    name = (reference or "").removeprefix("${").removesuffix("}")
    properties: Mapping[str, Any] = resources.get(name, {}).get("Properties", {})
    return properties


def _triggers(resources: Resources) -> Iterator[tuple[str, str]]:
    """Yield the function and the text of each event source mapping, rule, permission and route."""
    for resource in resources.values():
        properties = dict(resource.get("Properties", {}))
        if resource["Type"] == "AWS::Lambda::EventSourceMapping":
            yield _referred(properties.pop("FunctionName")), f"mapping {_text(properties)}"
        elif resource["Type"] == "AWS::Lambda::Permission":
            yield _referred(properties.pop("FunctionName")), f"permission {_text(properties)}"
        elif resource["Type"] == "AWS::Events::Rule":
            for target in properties.pop("Targets"):
                yield _referred(target["Arn"]), f"rule {_text(properties)} {_text(target)}"
        elif resource["Type"] == "AWS::ApiGateway::RestApi":
            yield from _routes(properties["Body"]["paths"])


def _routes(paths: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in paths.items():
        for method, operation in methods.items():
            uri = evaluate(operation["x-amazon-apigateway-integration"].get("uri", ""))
            if "functions/${" in uri:
                function = uri.partition("functions/${")[2].partition(".")[0]
                yield function, f"route {method.upper()} {path} {_text(operation)}"


def _referred(reference: Any) -> str:  # noqa: ANN401 - JSON
    text: str = evaluate(reference)
    return text.removeprefix("${").removesuffix("}").removesuffix(".Arn")


def _attributes(resource: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in resource.items() if name not in {"Type", "Properties", "Metadata"}}


def _pairs(values: Mapping[str, Any]) -> Iterator[str]:
    return (f"{name}={_text(value)}" for name, value in values.items())


def _text(value: Any) -> str:  # noqa: ANN401 - JSON
    plain = evaluate(value)
    return plain if isinstance(plain, str) else json.dumps(plain, sort_keys=True)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tools.compare_templates", description=__doc__.partition(":")[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--intended", action="append", choices=ASPECTS, default=[], help="an aspect that may differ")
    options = parser.parse_args(arguments)
    before, after = expanded(options.before), expanded(options.after)
    differences = compare(before, after)
    for each in differences:
        print(each)
    for aspect in ASPECTS:
        subjects = {each.subject for each in differences if each.aspect == aspect}
        print(f"{aspect}: {f'{len(subjects)} differ' if subjects else 'no difference'}")
    for name, resources in (("before", before), ("after", after)):
        print(f"{name}: {len(resources)} resources: {_count(resources)}")
    return int(any(each.aspect not in options.intended for each in differences))


def _count(resources: Resources) -> str:
    types = Counter(each["Type"].removeprefix("AWS::") for each in resources.values())
    return ", ".join(f"{number} {name}" for name, number in types.most_common())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
