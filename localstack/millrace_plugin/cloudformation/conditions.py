"""Apply the decided conditions of a template."""

from collections.abc import Mapping
from typing import Any

from millrace_plugin.cloudformation.references import find_references

Untyped = Any  # parts of templates
Template = dict[str, Any]
Decisions = Mapping[str, bool]
NO_VALUE = {"Ref": "AWS::NoValue"}


def apply_decisions(template: Template, decisions: Decisions) -> Template:
    """Return *template* without the resources and outputs whose condition is false, and without Fn::If."""
    left = {
        section: {name: _apply_to_part(each, decisions) for name, each in parts.items() if _is_there(each, decisions)}
        for section in ("Resources", "Outputs")
        if isinstance(parts := template.get(section), dict)
    }
    absent = (template.get("Resources") or {}).keys() - (left.get("Resources") or {}).keys()
    for resource in (left.get("Resources") or {}).values():
        if isinstance(resource, dict) and "DependsOn" in resource:
            after = resource["DependsOn"]
            resource["DependsOn"] = [
                name for name in ([after] if isinstance(after, str) else after) if name not in absent
            ]
    return template | left


def absent_references(template: Template, left: Template) -> set[str]:
    """Return the resources of *template* that *left* refers to and does not have."""
    absent = set(template.get("Resources") or {}) - set(left["Resources"])
    parts = [each.get("Properties") for each in left["Resources"].values() if isinstance(each, dict)]
    return absent & {name for part in [*parts, left.get("Outputs")] for name in find_references(part)}


def _is_there(part: Untyped, decisions: Decisions) -> bool:
    return not isinstance(part, dict) or decisions.get(part.get("Condition", ""), True)


def _apply_to_part(part: Untyped, decisions: Decisions) -> Untyped:
    if isinstance(part, dict) and part.get("Condition") in decisions:
        part = {key: value for key, value in part.items() if key != "Condition"}
    return _branch(part, decisions)


def _branch(part: Untyped, decisions: Decisions) -> Untyped:
    match part:
        case {"Fn::If": [str(condition), then, otherwise]} if len(part) == 1 and condition in decisions:
            return _branch(then if decisions[condition] else otherwise, decisions)
        case dict():
            values = {key: _branch(value, decisions) for key, value in part.items()}
            return {key: value for key, value in values.items() if value != NO_VALUE}
        case list():
            return [value for value in (_branch(each, decisions) for each in part) if value != NO_VALUE]
    return part
