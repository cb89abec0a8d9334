"""Tell what a function of an expanded template may do on AWS."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from tools.intrinsics import evaluate

type Resources = Mapping[str, Mapping[str, Any]]

_REFERENCE = re.compile(r"\$\{(\w+)\}")
_UNKNOWN = {"NotAction", "NotResource", "Principal", "NotPrincipal"}


class Right(NamedTuple):
    """One action on one resource; *condition* is JSON, and empty if there is none."""

    effect: str
    action: str
    resource: str
    condition: str = ""


@dataclass(frozen=True)
class Policy:
    """A policy of a role: *name* is its logical ID if the policy is managed, otherwise what SAM calls it."""

    name: str
    managed: bool
    rights: frozenset[Right]
    document: Mapping[str, Any]


def rights(resources: Resources, function: str) -> set[Right]:
    """Return everything that *function* may do. A managed policy of AWS counts as one right, named by its ARN."""
    own = {right for policy in policies(resources, function) for right in policy.rights}
    return own | {Right("Allow", "*", arn) for arn in aws_policies(resources, function)}


def policies(resources: Resources, function: str) -> list[Policy]:
    """Return the policies of *function*'s role that the template declares, inline ones included.

    A variable `aws:PrincipalTag/…` is replaced by the role's tag. It stays if the role has no such tag: IAM then
    grants nothing. Raises ValueError for a policy whose rights cannot be told.
    """
    role = _role(resources, function)
    tags = {f"${{aws:PrincipalTag/{tag['Key']}}}": str(evaluate(tag["Value"])) for tag in role.get("Tags", [])}
    inline = [(each["PolicyName"], each["PolicyDocument"]) for each in role.get("Policies", [])]
    managed = [(name, _document(resources, name)) for name in _managed(role)]
    return [
        Policy(name, (name, document) in managed, frozenset(_rights(document, tags)), document)
        for name, document in inline + managed
    ]


def aws_policies(resources: Resources, function: str) -> list[str]:
    """Return the ARNs of AWS's own managed policies that *function*'s role has."""
    arns = map(evaluate, _role(resources, function).get("ManagedPolicyArns", []))
    return [arn for arn in arns if not _REFERENCE.fullmatch(arn)]


def statements(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = _list(document["Statement"])
    return found


def _role(resources: Resources, function: str) -> Mapping[str, Any]:
    attribute = resources[function]["Properties"]["Role"]["Fn::GetAtt"]
    role: Mapping[str, Any] = resources[attribute[0]]["Properties"]
    if problems := {"PermissionsBoundary"} & role.keys():
        message = f"{attribute[0]} has {', '.join(problems)}, which is not evaluated here."
        raise ValueError(message)
    return role


def _managed(role: Mapping[str, Any]) -> Iterator[str]:
    for arn in map(evaluate, role.get("ManagedPolicyArns", [])):
        if found := _REFERENCE.fullmatch(arn):
            yield found[1]


def _document(resources: Resources, name: str) -> Mapping[str, Any]:
    document: Mapping[str, Any] = resources[name]["Properties"]["PolicyDocument"]
    return document


def _rights(document: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[Right]:
    for statement in statements(document):
        if problems := _UNKNOWN & statement.keys():
            message = f"{', '.join(sorted(problems))} in a statement is not evaluated here."
            raise ValueError(message)
        condition = evaluate(statement.get("Condition"))
        text = json.dumps(condition, sort_keys=True) if condition else ""
        for action in _list(statement["Action"]):
            for resource in _list(evaluate(statement["Resource"])):
                # Variables are evaluated only in this version of the language.
                known = tags if document.get("Version") == "2012-10-17" else {}
                yield Right(statement["Effect"], action, _replace(resource, known), text)


def _replace(text: str, values: Mapping[str, str]) -> str:
    for variable, value in values.items():
        text = text.replace(variable, value)
    return text


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else [value]
